"""Stage `card`: simulated weeks beside those that came, for the simulator that was judged and for every baseline."""

from __future__ import annotations

from functools import partial

from decision_engine.config.models import Config
from decision_engine.stages.fit import Fitted
from simulations.baselines import Futures, baseline_futures
from simulations.fidelity.likeness import N_CURVES, Likeness, likeness
from simulations.goodness import SIMULATOR, simulator_futures
from simulations.panel import WeeklyPanel
from simulations.parametric.repeats import bought
from simulations.state import fold


def compare_lives(panel: WeeklyPanel, fitted: Fitted, config: Config) -> Likeness:
    """Compare the judged weeks of all users known before them with what each model makes of those users."""
    start, seed = config.n_fitting_periods, config.seed
    judged = panel.take(bought(panel.slice(start)))
    before, contacts = judged.slice(start), judged.exposure_bits[:, start:]
    weeks = judged.n_periods - start
    own = partial(
        simulator_futures, fitted.judged, fold(before), contacts, seed=seed, n_draws=N_CURVES, period=start
    )  # fmt: skip
    models: dict[str, Futures] = {SIMULATOR: own, **baseline_futures(before, weeks=weeks, seed=seed, n_draws=N_CURVES)}
    return likeness(judged, models, start=start, seed=seed)
