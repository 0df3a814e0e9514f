"""A run's report with every part, small and made up, in the shapes that the engine hands over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reports.data import DataReport
from reports.doubts import WitnessReport
from reports.effects import EffectsReport
from reports.experiment import ExperimentReport
from reports.making import MakingReport
from reports.plan import PlanReport
from reports.policies import PoliciesReport, SearchReport
from reports.profiles import ChurnReport, ProfilesReport
from reports.run import RunReport
from reports.simulator import SimulatorReport

ACTIONS = ("coupon_b", "recommendation", "care")


def plan_report(n_rows: int = 214) -> PlanReport:
    rng = np.random.default_rng(5)
    action = np.array(ACTIONS)[np.arange(n_rows) % 3]
    margin = rng.gamma(2.0, 1.2, n_rows)
    cost = np.where(action == "care", 2.4, 0.6)
    rows = pd.DataFrame(
        {
            "user_id": [str(1000 + k) for k in range(n_rows)],
            "action": action,
            "channel": "mail",
            "cost": cost,
            "increment": margin - cost,
            "low": margin - cost - 3.0,
            "high": margin - cost + 4.0,
            "increment_margin": margin,
            "source": np.where(action == "coupon_b", "estimated", "assumed"),
            "propensity": 0.9,
            "reasons": [("recency: 9 weeks, more than 80% of the audience", "basket: 61.20 USD, more than 91% of the audience")]
            * n_rows,
        }
    )
    counts = {str(name): int(count) for name, count in rows["action"].value_counts().items()}
    excluded = {"no gain": 1700, "cool-down": 180, "capacity": 96, "contact cap": 30, "budget": 5}
    totals: dict[str, Any] = {
        "id": "plan-0123456789ab",
        "digest": "0123456789ab" * 5,
        "version": 1,
        "audience": n_rows + 244 + sum(excluded.values()),
        "actions": n_rows,
        "actions_by_name": counts,
        "holdout": 244,
        "excluded": excluded,
        "cost": float(cost.sum()),
        "budget": 500.0,
        "increment": float((margin - cost).sum()),
        "low": -40.0,
        "high": 720.0,
        "chance_of_loss": 0.12,
        "n_members": 40,
        "increment_margin": float(margin.sum()),
        "optimiser_increment": float((margin - cost).sum()) * 1.3,
        "share_assumed": {"effect": 0.66, "margin": 1.0},
        "lp_gap": 0.0004,
        "lp_gap_amount": 0.12,
        "budget_price": 0.0,
        "capacity_prices": {"coupon_b": 0.0, "recommendation": 0.42, "care": 0.0},
    }
    settings: dict[str, Any] = {
        "name": "Corner shop",
        "currency": "USD",
        "policy": "uplift_greedy",
        "starts_on": "2018-01-07",
        "as_of": "2017-12-30",
        "judged_as_of": "2017-10-07",
        "effect_horizon_weeks": 8,
        "interval_level": 0.9,
        "margin_share": 0.25,
        "margin_assumed": True,
        "budget": 500.0,
        "capacities": {"coupon_b": 300, "recommendation": max(counts.get("recommendation", 0), 1), "care": None},
        "holdout_share": 0.1,
        "seed": 20170101,
    }
    budgets = np.linspace(0.0, 700.0, 13)
    curve = pd.DataFrame(
        {"budget": budgets, "value": 420 * (1 - np.exp(-budgets / 150)), "bound": 422 * (1 - np.exp(-budgets / 150))}
    )
    return PlanReport(totals=totals, settings=settings, rows=rows, rows_file="plan.csv", budget_curve=curve)


def empty_plan_report() -> PlanReport:
    full = plan_report(0)
    totals = {**full.totals, "audience": 100, "actions_by_name": {}, "holdout": 10, "excluded": {"no gain": 90}, "cost": 0.0}
    totals |= {"increment": 0.0, "low": 0.0, "high": 0.0, "chance_of_loss": 0.0, "optimiser_increment": 0.0}
    totals |= {"share_assumed": {"effect": 0.0, "margin": 1.0}, "increment_margin": 0.0, "capacity_prices": {}}
    return PlanReport(totals=totals, settings={**full.settings, "policy": "do_nothing"}, rows=full.rows)


def effects_report() -> EffectsReport:
    effects = pd.DataFrame(
        [
            ("coupon_a", "not identified", 4.1, -2.0, 10.2, 0.3, 850, 12000, "contact was all but decided (AUC 0.99)"),
            ("coupon_b", "identified", 0.8, 0.2, 1.4, 0.05, 1900, 30000, "others like the contacted ones were left alone"),
            ("coupon_c", "weak", 0.4, -1.9, 2.7, 0.02, 420, 9000, "an effect of 31% could go unseen; few contacts"),
            ("recommendation", "assumed", 0.5, -0.1, 1.2, 0.04, 0, 0, "assumed in the configuration, not estimated"),
            ("care", "not identified", None, None, None, None, 3, 0, "3 contacts; 20 are needed"),
        ],
        columns=["action", "verdict", "estimate", "low", "high", "estimate_orders", "n_treated", "n_control", "reasons"],
    )  # fmt: skip
    checks = pd.DataFrame(
        {
            "action": ["coupon_a", "coupon_a", "coupon_b"],
            "check": ["overlap", "placebo", "balance"],
            "passed": [False, True, True],
            "value": [0.1, 0.4, 0.05],
            "words": [
                "a tenth of the contacted have others like them",
                "weeks before the contact show no effect",
                "differ by 0.05",
            ],
        }
    )
    experiments = {
        "coupon_a": "Give the action to 1,210 users drawn at random and leave 1,210 others alone; compare 8 weeks' margin."
    }
    return EffectsReport(effects=effects, currency="USD", horizon_weeks=8, level=0.9, checks=checks, experiments=experiments)


def policies_frame() -> pd.DataFrame:
    names = ("do_nothing", "coupon_a to all", "coupon_b to all", "history", "rfm_rule", "uplift_greedy", "linucb", "ppo")
    value = np.array([0.0, -0.8, 0.1, 0.05, 0.3, 0.92, 0.6, 0.28])
    frame = pd.DataFrame({"name": names, "value": value, "low": value - 0.3, "high": value + 0.34})
    frame.loc[0, ["low", "high"]] = 0.0
    return frame.assign(
        retention=0.81,
        spend=np.array([0.0, 2.0, 1.4, 0.9, 0.5, 0.8, 1.0, 1.2]),
        contacts=1.25,
        opt_outs=0.0012,
        against_single=value - 0.1,
        against_single_low=value - 0.4,
        against_single_high=value + 0.2,
        chance_of_loss=np.array([0.0, 1.0, 0.3, 0.4, 0.05, 0.004, 0.01, 0.1]),
    )


def policies_report() -> PoliciesReport:
    return PoliciesReport(
        policies=policies_frame(),
        currency="USD",
        baselines=("do_nothing", "coupon_a to all", "coupon_b to all", "history", "rfm_rule"),
        chosen="uplift_greedy",
        reason="uplift_greedy beats do_nothing by 0.92 (0.62 to 1.26) per user, beyond its error.",
        weeks=13,
        n_users=2469,
        level=0.9,
        search=SearchReport(
            n_trials=24,
            best={"uplift_greedy": {"kind": "uplift_greedy", "price": 0.1234567, "weeks": 8}},
            policy="uplift_greedy",
            value_in_search=1.1,
            value_in_evaluation=0.92,
        ),
    )


def simulator_report() -> SimulatorReport:
    rng = np.random.default_rng(3)
    models = ("simulator", "BG/NBD", "repeat last period")
    weekly = []
    for model in models:
        for quantity, level in (("order_days", 2900.0), ("active_users", 1700.0), ("revenue", 90000.0)):
            mean = level * (1 + 0.03 * np.sin(np.arange(12) / 2))
            frame = {
                "model": model,
                "quantity": quantity,
                "week": np.arange(41, 53),
                "observed": mean + rng.normal(0, 0.02 * level, 12),
            }
            weekly.append(pd.DataFrame({**frame, "mean": mean, "low": mean * 0.96, "high": mean * 1.04}))
    centre = np.linspace(0.05, 0.97, 10)
    bins = [
        pd.DataFrame(
            {"model": model, "bin": range(1, 11), "n_users": 240, "predicted": centre, "observed": centre ** (1 + 0.2 * k)}
        )
        for k, model in enumerate(models)
    ]
    scores = pd.DataFrame(
        {
            "model": models,
            "mae": [3.41, 3.62, 3.90],
            "rmse": [5.0, 5.2, 5.9],
            "mae_excess": [0.0, 0.21, 0.49],
            "mae_excess_error": [0.0, 0.04, 0.06],
            "order_days_error": [0.012, -0.034, 0.051],
            "revenue_error": [-0.02, float("nan"), 0.04],
            "user_coverage": [0.93, 0.88, None],
            "order_days_coverage": [0.58, 0.5, None],
            "active_users_coverage": [0.92, 0.5, None],
            "revenue_coverage": [0.83, None, None],
            "calibration_error": [0.014, 0.05, 0.11],
            "brier": [0.061, 0.07, 0.09],
            "brier_of_base_rate": [0.098, 0.098, 0.098],
        }
    )
    return SimulatorReport(
        scores=scores,
        weekly=pd.concat(weekly, ignore_index=True),
        calibration=pd.concat(bins, ignore_index=True),
        first_week=41,
        last_week=52,
        horizon_weeks=8,
        n_users=2420,
        n_unknown=49,
        level=0.9,
        beats_baselines=True,
        currency="USD",
    )


def profiles_report() -> ProfilesReport:
    centre = np.linspace(0.01, 0.8, 10)
    return ProfilesReport(
        segments=pd.DataFrame(
            {
                "life_stage": ["active", "cooling", "lost"],
                "n_users": [1800, 400, 269],
                "mean_margin": [130.2, 60.4, 3.1],
                "share": [0.73, 0.16, 0.11],
            }
        ),
        churn=ChurnReport(
            horizon_weeks=8,
            n_users=2420,
            base_rate=0.11,
            brier=0.06,
            brier_of_base_rate=0.098,
            calibration_error=0.012,
            auc=0.91,
            bins=pd.DataFrame({"predicted": centre, "observed": centre**1.1}),
        ),
        recommendations=pd.DataFrame(
            {
                "way": ["buy again", "favourites first", "most popular"],
                "hit_rate": [0.41, 0.12, 0.09],
                "n_users": [2000, 1900, 2400],
            }
        ),
        notes=("products without a category are left out of favourites",),
        users_file="profiles.parquet",
    )


def data_report() -> DataReport:
    counts = pd.DataFrame(
        {
            "table": ["items", "exposures"],
            "source": ["transactions", "campaigns"],
            "file": ["transactions.parquet", "campaigns.parquet"],
            "read": [1_469_307, 6589],
            "accepted": [1_469_303, 6589],
            "quarantined": [4, 0],
            "left_out": [0, 0],
            "outside_periods": [2010, 12],
        }
    )
    reasons = pd.DataFrame(
        {"table": ["items"], "source": ["transactions"], "column": ["revenue"], "reason": ["is empty"], "rows": [4]}
    )
    return DataReport(
        counts=counts, reasons=reasons, summary="155,848 orders of 2,469 users.", notes=("orders are sums of items",)
    )


def experiment_report(alarm: str = "") -> ExperimentReport:
    groups = pd.DataFrame({"action": ["none", "mail"], "users": [500, 480], "share": [0.51, 0.49], "mean spend": [0.4, 0.6]})
    balance = pd.DataFrame({"action": ["mail"], "covariate": ["recency"], "difference": [0.02], "z": [0.3]})
    return ExperimentReport(
        alarm=alarm,
        words=("The group sizes fit the declared shares (p = 0.52).", "Treated as drawn at random."),
        groups=groups,
        balance=balance,
        bins=pd.DataFrame(
            {"action": ["mens"], "decisions": [980], "predicted": [0.5], "observed": [0.49], "low": [0.45], "high": [0.55]}
        ),
        remarks=("outlier: few users move the estimate.",),
    )


def full_report() -> RunReport:
    return RunReport(
        title="Corner shop",
        subtitle="Plan for the week from 2018-01-07",
        plan=plan_report(),
        witness=WitnessReport(
            policy="uplift_greedy",
            currency="USD",
            weeks=13,
            level=0.9,
            simulated=0.92,
            low=0.62,
            high=1.26,
            abstention="No decision in the log carries a propensity.",
        ),
        caveats=("A year of history holds each season once.",),
        effects=effects_report(),
        policies=policies_report(),
        simulator=simulator_report(),
        profiles=profiles_report(),
        experiment=experiment_report(),
        data=data_report(),
        making=MakingReport(
            as_of="2017-12-30",
            judged_as_of="2017-10-07",
            seed=20170101,
            stages=pd.DataFrame({"name": ["check", "fit"], "seconds": [4.2, 31.0], "cached": [True, False]}),
            settings={"margin_share": 0.25, "budget": 500.0, "contact": "at most 3 contacts in 8 weeks"},
            versions={"python": "3.11", "numpy": "2.4.6"},
            commands=("decision-engine run examples/complete_journey.yaml", "decision-engine plan show latest"),
        ),
    )
