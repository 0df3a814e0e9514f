"""How true the simulator is: fitted on a history's first weeks, judged on its last, beside the baselines and real weeks.

Two histories: the Complete Journey (business days from 05:00; fitted to 2017-10-07, judged on the 84 days to 2017-12-30, as
`examples/complete_journey.yaml` says), and CDNOW (39 weeks and 39; its master file in the folder that DECISION_ENGINE_DATA
names). Figures without data are null. Everything comes from `decision-engine fit CONFIG --rolling`, the judged figures of whose
card they are; the bands are pooled over eight origins, each fitted on the weeks before it alone.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measurement import Figure, run

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
REPEAT, BG_NBD, PARETO_NBD = "repeat-last-period", "BG/NBD", "Pareto/NBD"
QUICK_USERS, QUICK_WEEKS = 400, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """What a history's figures should reach, in words; empty where nothing is asked of it."""

    mae_orders: str = "below both buy-till-you-die models"
    rmse_orders: str = "below both buy-till-you-die models"
    aggregate_error: str = "within 0.03"
    ks_complement: str = ""
    ks_smallest: str = ""
    two_sample_auc: str = ""
    band_coverage: str = ""
    retention_max_error: str = ""
    return_ece: str = ""
    fit_seconds: str = ""


COMPLETE_JOURNEY = Bars(
    mae_orders="at most 3.80", rmse_orders="at most 5.50", ks_complement="at least 0.92", ks_smallest="at least 0.80",
    two_sample_auc="at most 0.60", band_coverage="0.84 to 0.96", retention_max_error="at most 0.02", return_ece="at most 0.03",
    fit_seconds="at most 60",
)  # fmt: skip


def card_of(config: Path, workspace: Path) -> dict[str, Any]:
    """Make a card with rolling bands in a workspace and return its document; what is told meanwhile goes to stderr."""
    from decision_engine.card_job import run_card_job
    from decision_engine.config import load_config
    from decision_engine.progress import Progress
    from decision_engine.workspace import Workspace

    return run_card_job(load_config(config), Workspace(workspace), rolling=True, progress=Progress()).document


def figures_of(card: dict[str, Any] | None, suffix: str, bars: Bars, reason: str = "") -> list[Figure]:
    """Return a history's figures from its card; null where there is none, with the reason."""
    if card is None:
        units = {"mae_orders": "order-days", "rmse_orders": "order-days", "fit_seconds": "s"}
        names = [*Bars.__dataclass_fields__, "mae_orders_bgnbd", "mae_orders_repeat"]
        return [Figure(name=f"{name}_{suffix}", value=None, unit=units.get(name, "share"), note=reason) for name in names]
    models = {row["model"]: row for row in card["models"]}
    own, bg, pareto = models["simulator"], models[BG_NBD], models[PARETO_NBD]
    real = {row["model"]: row for row in card["reachable"]}.get("real against real", {})
    bands = {row["model"]: row for row in card["bands"]["models"]}
    seconds = {stage["name"]: stage["seconds"] for stage in card["stages"]}
    beside = f"{card['users']:,} users, weeks {card['first_week']} to {card['last_week']}"
    contacted = own["contacted_ks_mean"]

    def figure(name: str, value: float | None, unit: str = "share", **more: Any) -> Figure:
        return Figure(name=f"{name}_{suffix}", value=value, unit=unit, to_reach=getattr(bars, name, ""), **more)

    return [
        figure("mae_orders", own["mae"], "order-days", peer=BG_NBD, peer_value=bg["mae"],
               note=f"by the predictive median; Pareto/NBD {pareto['mae']:.3f}; {beside}"),
        figure("rmse_orders", own["rmse"], "order-days", peer=BG_NBD, peer_value=bg["rmse"],
               note=f"by the predictive mean; Pareto/NBD {pareto['rmse']:.3f}"),
        figure("mae_orders_bgnbd", bg["mae"], "order-days"),
        figure("mae_orders_repeat", models[REPEAT]["mae"], "order-days"),
        figure("aggregate_error", own["order_days_error"], peer=BG_NBD, peer_value=bg["order_days_error"],
               note=f"order-days of all users; revenue {own['revenue_error']:+.3f}"),
        figure("ks_complement", own["ks_mean"], peer="real against real", peer_value=real.get("ks_mean"),
               note="mean over the marginals" + ("" if contacted is None else f"; after a contact {contacted:.3f}")),
        figure("ks_smallest", own["ks_smallest"], peer="real against real", peer_value=real.get("ks_smallest"),
               note=f"of {own['ks_smallest_of']}"),
        figure("two_sample_auc", own["two_sample_auc"], peer="real against real", peer_value=real.get("two_sample_auc")),
        figure("band_coverage", bands["simulator"]["coverage"], peer=BG_NBD, peer_value=bands[BG_NBD]["coverage"],
               note=f"95 % interval by blocks of weeks {bands['simulator']['low']:.2f} to {bands['simulator']['high']:.2f}; "
               f"{len(card['bands']['origins'])} origins, {card['bands']['horizon_weeks']} weeks each"),
        figure("retention_max_error", own["retention_error"], peer="real against real", peer_value=real.get("retention_error"),
               note="" if own["cohort_weeks_within"] is None
               else f"of cohorts' weeks {own['cohort_weeks_within']:.2f} within two standard errors"),
        figure("return_ece", own["calibration_error"], peer=BG_NBD, peer_value=bg["calibration_error"],
               note=f"Brier {own['brier']:.4f}, base rate {own['brier_of_base_rate']:.4f}, BG/NBD {bg['brier']:.4f}"),
        figure("fit_seconds", seconds["fit"], "s", note="all members, the judgement and the refit on the whole history"),
    ]  # fmt: skip


def quick_card(folder: Path) -> dict[str, Any]:
    """Make the card of a small drawn shop."""
    from simulations.scenarios import draw_world

    history = draw_world(1).simulate_history(QUICK_USERS, QUICK_WEEKS, 1)
    history.orders.to_csv(folder / "orders.csv", index=False)
    (folder / "shop.yaml").write_text(_QUICK, encoding="utf-8")
    return card_of(folder / "shop.yaml", folder / "workspace")


def measure(quick: bool) -> list[Figure]:
    """Return the figures of both histories; if quick, those of a small drawn shop under the first one's names."""
    with tempfile.TemporaryDirectory(prefix="fidelity-") as name:
        folder = Path(name)
        if quick:
            drawn = figures_of(quick_card(folder), "cj", Bars(mae_orders="", rmse_orders="", aggregate_error=""))
            return [*drawn, *figures_of(None, "cdnow", Bars(), "left out: small sizes")]
        figures = figures_of(card_of(EXAMPLES / "complete_journey.yaml", folder / "cj"), "cj", COMPLETE_JOURNEY)
        data = os.environ.get("DECISION_ENGINE_DATA", "")
        if not (Path(data) / "cdnow" / "cdnow_master.csv.gz").is_file():
            return [*figures, *figures_of(None, "cdnow", Bars(), "DECISION_ENGINE_DATA names no folder with cdnow in it")]
        os.environ["CDNOW_DATA"] = str(Path(data) / "cdnow")
        print(json.dumps([figure.name for figure in figures]), file=sys.stderr)
        return [*figures, *figures_of(card_of(EXAMPLES / "cdnow.yaml", folder / "cdnow"), "cdnow", Bars())]


_QUICK = f"""\
name: Drawn shop
sources: {{orders: {{file: orders.csv}}}}
tables:
  orders:
    source: orders
    columns: {{user_id: user_id, order_id: order_id, ordered_at: ordered_at, revenue: revenue}}
time: {{first_day: 2024-01-01, last_period: {QUICK_WEEKS}, last_fitting_period: {QUICK_WEEKS - 12}}}
margin_share: 0.3
actions:
  - {{name: coupon, kind: coupon, cost: 0.5, effect: assumed, response: {{purchase_lift: {{mean: 0.1, sd: 0.1}}}}}}
campaign: {{budget: 20}}
simulator: {{training_members: 1, members: 2, plan_members: 3}}
"""

if __name__ == "__main__":
    run("fidelity", measure)
