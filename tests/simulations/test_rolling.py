"""Bands over rolling origins: each fit sees the weeks before its origin alone; the interval knows that weeks hang together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from simulations.errors import HistoryError
from simulations.fidelity.rolling import RollingBands, block_interval, rolling_bands, rolling_origins
from tests.small_world import small_world


def test_origins_spread_from_the_middle_to_the_last_with_a_whole_horizon():
    assert rolling_origins(52, 8)[0] == 26
    assert rolling_origins(52, 8)[-1] == 44
    assert len(rolling_origins(52, 8)) == 8
    assert rolling_origins(12, 8) == (2, 3, 4)


def test_each_fit_sees_the_weeks_before_its_origin_and_forecasts_those_after_it():
    world, seen = small_world(), []

    def fit(panel):
        seen.append(panel.n_periods)
        return world.ensemble

    steps = []
    bands = rolling_bands(
        world.panel, fit, horizon_weeks=4, seed=1, n_draws=20, origins=(16, 20, 24), on_step=lambda *step: steps.append(step)
    )
    assert seen == [16, 20, 24]
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert bands.weekly["model"].unique().tolist() == ["simulator", "BG/NBD", "Pareto/NBD", "resample of history"]
    weeks = bands.weekly.groupby("origin")["week"].unique()
    assert {origin: list(part) for origin, part in weeks.items()} == {o: list(range(o + 1, o + 5)) for o in (16, 20, 24)}
    one = bands.weekly.query("model == 'simulator' and origin == 16 and quantity == 'order_days' and week == 17").iloc[0]
    known = (world.panel.order_days[:, :16] > 0).any(axis=1)
    assert one["observed"] == world.panel.order_days[known, 16].sum()
    coverage = bands.coverage()
    assert coverage["coverage"].between(coverage["low"], coverage["high"]).all()
    assert coverage[["order_days_coverage", "active_users_coverage", "revenue_coverage"]].mean(
        axis=1
    ).to_numpy() == pytest.approx(coverage["coverage"].to_numpy())


def test_coverage_is_the_share_of_forecasts_inside_their_band():
    rows = {
        "model": "m",
        "quantity": "revenue",
        "observed": [1.0, 2.0, 3.0, 9.0],
        "low": 0.0,
        "high": 3.0,
        "week": [1, 2, 3, 4],
    }
    bands = RollingBands(origins=(0,), horizon_weeks=4, level=0.9, weekly=pd.DataFrame(rows))
    assert bands.coverage()["coverage"].tolist() == [0.75]


def test_weeks_that_hang_together_widen_the_interval():
    """Runs of eight weeks inside or outside tell less than forty independent weeks of the same share do."""
    weeks = np.arange(40)
    low, high = block_interval(weeks % 2 == 0, weeks, seed=1)
    broad_low, broad_high = block_interval((weeks // 8) % 2 == 0, weeks, seed=1)
    assert broad_high - broad_low > 2 * (high - low)
    assert block_interval(weeks >= 0, weeks, seed=1) == (1.0, 1.0)


def test_a_history_too_short_for_several_origins_is_refused_in_words():
    world = small_world()
    with pytest.raises(HistoryError, match="8 weeks are too few for several origins with 8 weeks after each"):
        rolling_bands(world.panel.slice(8), lambda panel: world.ensemble, horizon_weeks=8, seed=1)
