"""One door to the simulator: fitted from a history, lived under any policy, described, saved; its example runs."""

from __future__ import annotations

import runpy
from dataclasses import dataclass

import numpy as np
import pytest

from simulations import ContactRules, LifecycleSimulator, SimulatorEnsemble, StandingRule, draw_world, fold
from simulations.errors import ArtifactError
from simulations.response import ActionResponse, Quantity, ResponseSet, response_scale
from simulations.simulated_history import WorldHistory
from tests.conftest import CHECKOUT


@pytest.fixture(scope="module")
def history() -> WorldHistory:
    return draw_world(5).simulate_history(800, 24, seed=2)


@pytest.fixture(scope="module")
def simulator(history) -> LifecycleSimulator:
    return LifecycleSimulator.from_history(history.panel, margin_share=0.3)


def test_it_is_fitted_from_a_history_alone_and_then_actions_do_nothing(history, simulator):
    states = fold(history.panel)
    nothing = np.zeros((states.n_users, 6), dtype=np.uint32)
    once = nothing.copy()
    once[:, 0] = 1 << 1
    without, contacted = simulator.twin(states, nothing, once, seed=1)
    assert np.array_equal(without.margin, contacted.margin)
    assert contacted.cost.sum() > without.cost.sum() == 0.0


def test_it_is_the_point_fit_of_the_ensemble(history):
    responses = ResponseSet(
        scale=response_scale(history.panel),
        responses=tuple(
            ActionResponse.uniform_shift(name, Quantity(mean=0.2, sd=0.1)) for name in history.panel.actions.names[1:]
        ),
    )
    one = LifecycleSimulator.from_history(history.panel, responses=responses, rules=ContactRules(max_contacts=1), seed=4)
    several = SimulatorEnsemble.fit(
        history.panel, responses=responses, rules=ContactRules(max_contacts=1), margin_share=1.0, members=1, seed=4
    )
    assert one.rules == several.rules
    states = fold(history.panel)
    rule = StandingRule(action=1)
    assert np.array_equal(
        one.rollout(states, rule, weeks=5, seed=1).totals, several.point.rollout(states, rule, weeks=5, seed=1).totals
    )
    assert np.array_equal(one.carry_over.shares, several.point.carry_over.shares)


@dataclass(frozen=True)
class Wanted:
    actions: np.ndarray


class SilentOnes:
    """A policy as `policies.base` defines it."""

    def act(self, observation, mask, draws):
        return Wanted(np.where(mask[:, 1] & (observation[:, 0] >= 2.0), 1, 0).astype(np.int16))


def test_a_policy_is_lived_as_the_rule_that_it_follows(history, simulator):
    states = fold(history.panel)
    by_policy = simulator.rollout(states, SilentOnes(), weeks=6, seed=1)
    by_rule = simulator.rollout(states, StandingRule(action=1, bounds={"recency_weeks": (2.0, np.inf)}), weeks=6, seed=1)
    assert np.array_equal(by_policy.totals, by_rule.totals)
    assert by_rule.contacts.sum() > 0


def test_it_describes_itself_the_same_after_it_was_saved(simulator, tmp_path):
    simulator.save(tmp_path)
    said = simulator.describe()
    assert LifecycleSimulator.load(tmp_path).describe() == said
    assert "users known" in said
    assert all(f"\n{name}: " in said for name in simulator.actions.names[1:])


def test_a_simulator_of_another_format_is_refused_in_words(simulator, tmp_path):
    simulator.save(tmp_path)
    plain = tmp_path / "simulator.json"
    text = plain.read_text()
    plain.write_text(text.replace('"format": ', '"format": 9'))
    with pytest.raises(ArtifactError, match="fit and save it again"):
        LifecycleSimulator.load(tmp_path)


def test_what_is_saved_holds_no_code(simulator, tmp_path):
    simulator.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["simulator.json", "simulator.npz"]
    with np.load(tmp_path / "simulator.npz", allow_pickle=False) as stored:
        assert all(stored[name].dtype != object for name in stored.files)


def test_the_example_runs_from_its_first_cell_to_its_last(capsys):
    runpy.run_path(str(CHECKOUT / "examples" / "lifecycle_simulator.py"), run_name="__main__")
    said = capsys.readouterr().out
    assert "saved, loaded, the same lives: True" in said
    assert "order-days a user" in said
