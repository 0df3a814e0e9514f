"""The drawn e-mail test does what its closed form says, and the benchmark holds the command's answer against it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.experiment import measure
from benchmarks.known_experiment import RAW, draw_experiment


@pytest.mark.parametrize("opposed", [False, True])
def test_drawn_spend_is_on_average_what_the_closed_form_expects(opposed):
    """Three groups of 67,000; one mean in 16,000 lies four standard errors off."""
    known = draw_experiment(200_000, seed=1, opposed=opposed)
    for place, raw in enumerate(RAW.values()):
        group = (known.frame["segment"] == raw).to_numpy()
        spend = known.frame["spend"].to_numpy()[group]
        error = spend.std() / np.sqrt(spend.size)
        assert abs(spend.mean() - known.expected[group, place].mean()) < 4.0 * error
    assert (known.frame["spend"] > 0).mean() < 0.01
    assert known.effects[0] == 0.0


def test_a_test_of_nothing_has_no_effect_on_anybody():
    known = draw_experiment(1000, seed=1, lift=0.0)
    assert np.allclose(known.expected, known.expected[:, :1])


@pytest.mark.slow
def test_the_benchmark_measures_time_effects_and_plans():
    figures = {figure.name: figure for figure in measure(quick=True)}
    assert figures["experiment_seconds"].to_reach == "at most 120"
    assert figures["alike_mens_effect"].peer == "truth"
    assert figures["opposed_plan_value"].peer_value is not None
    assert figures["opposed_plan_value"].value is not None
    assert figures["opposed_plan_value"].value <= figures["opposed_plan_value"].peer_value
