"""Warm-up: one main job on a handful of drawn users, so that what has to be compiled is compiled when the program is set up.

Machine code is kept between runs (`simulations.compiled`); without it, the first run spends a third of its time on compiling.
As it goes the whole road, it also shows that all parts of an installation work together.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

N_USERS, N_WEEKS = 200, 30
_CONFIG = f"""\
name: Warm-up
sources: {{orders: {{file: orders.csv}}, exposures: {{file: exposures.csv}}}}
tables:
  orders:
    source: orders
    columns: {{user_id: user_id, order_id: order_id, ordered_at: ordered_at, revenue: revenue}}
  exposures:
    source: exposures
    columns: {{user_id: user_id, exposed_at: exposed_at, action: action}}
time: {{first_day: 2024-01-01, last_period: {N_WEEKS}, last_fitting_period: 20}}
margin_share: 0.3
actions:
@ACTIONS
campaign: {{budget: 20, holdout_share: 0.1}}
simulator: {{training_members: 1, members: 2, plan_members: 3}}
policies: {{ppo_steps: 256, bandit_rounds: 1}}
search: {{trials: 2, workers: 0}}
"""
_ACTION = """\
  - name: {name}
    kind: coupon
    cost: 0.5
    cost_on_redemption: 1.0
    capacity: 20
    effect: estimated
    response:
      purchase_lift: {{mean: 0.3, sd: 0.1}}
      spend_lift: {{mean: 0.01, sd: 0.01}}
      redemption: {{mean: 0.1, sd: 0.02}}
      pull_forward: {{mean: 0.1, sd: 0.02}}"""


def warm_up(folder: Path) -> str:
    """Run the main job on drawn users in a folder; return the plan's id."""
    from decision_engine.config import load_config
    from decision_engine.pipeline import run_main_job
    from decision_engine.progress import Progress
    from decision_engine.workspace import Workspace
    from simulations.scenarios import draw_world

    world = draw_world(1)
    history = world.simulate_history(N_USERS, N_WEEKS, 1)
    history.orders.to_csv(folder / "orders.csv", index=False)
    history.exposures[history.exposures["action"] != "none"].to_csv(folder / "exposures.csv", index=False)
    actions = "\n".join(_ACTION.format(name=name) for name in world.actions.names[1:])
    (folder / "warm_up.yaml").write_text(_CONFIG.replace("@ACTIONS", actions), encoding="utf-8")
    job = run_main_job(
        load_config(folder / "warm_up.yaml"), Workspace(folder / "workspace"), maker="warm-up", progress=Progress(quiet=True)
    )
    return job.plan.id


if __name__ == "__main__":
    with TemporaryDirectory(prefix="warm-up-") as name:
        warm_up(Path(name))
