"""Stage `profile`: who the users are at the end of the history, and how far predictions about them can be trusted."""

from __future__ import annotations

from decision_engine.config.models import Config
from decision_engine.profiles import Profiles, profile_users
from decision_engine.stages.check import Checked


def profile(checked: Checked, config: Config) -> Profiles:
    """Profile every user; predictions are judged on the weeks after the fitting weeks first."""
    return profile_users(
        checked.panel,
        checked.history.table("items"),
        checked.history.table("products"),
        n_fitting_periods=config.n_fitting_periods,
        horizon_weeks=config.effect_horizon_weeks,
        margin_share=config.margin_share,
        seed=config.seed,
    )
