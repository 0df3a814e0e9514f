"""Search: the same points with any number of workers, and after any interruption."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from policies.clamp import Limits
from policies.rollout import limits_of
from policies.search.objective import PolicyFactory, SimulatedValue
from policies.search.space import Number, OneOf, Params, Space, default_space
from policies.search.study import search
from policies.search.workers import LOST_AT_MOST, Objective, RayWorkers, local_ray, seconds_saved
from policies.uplift_greedy import UpliftGreedy
from simulations.arrays import FloatArray
from simulations.errors import ConfigError, DecisionEngineError
from tests.small_world import small_world

SPACE = Space(
    families={
        "line": (Number(name="x", low=0.0, high=1.0),),
        "well": (Number(name="x", low=-2.0, high=2.0), OneOf(name="side", options=("left", "right"))),
    }
)


def _well() -> Objective:
    """Return an objective that a worker can be sent: best is the well's right side at 0.5, worth 2."""

    def value(params: Params, trial: int) -> float:
        x = float(params["x"])
        return x if params["kind"] == "line" else 2.0 - (x - 0.5) ** 2 - (params["side"] == "left")

    return value


def test_points_thought_good_are_tried_first_and_never_ended_below():
    known: Params = {"kind": "well", "x": 0.5, "side": "right"}
    found = search(SPACE, _well(), trials=3, seed=1, first=[known])
    assert found.trials[0].params == known
    assert found.best.value == 2.0


def test_a_first_point_outside_the_space_is_refused_in_words():
    with pytest.raises(ConfigError, match="needed: x, side"):
        search(SPACE, _well(), trials=3, seed=1, first=[{"kind": "well", "x": 0.5}])


class Killed(Exception):
    """Stands for the end of the process."""


def _killed_after(trials: int) -> Objective:
    well, tried = _well(), []

    def value(params: Params, trial: int) -> float:
        tried.append(trial)
        if len(tried) > trials:
            raise Killed
        return well(params, trial)

    return value


def test_it_finds_what_is_best():
    """40 points; of the seeds 0 to 7, seven come within 0.01 of the maximum 2 and seed 1 stays on a lower top."""
    result = search(SPACE, _well(), trials=40, seed=3)
    assert result.best.value > 1.9
    assert result.best.params["kind"] == "well"
    assert [trial.place for trial in result.trials] == list(range(40))
    assert result.best == max(result.trials, key=lambda trial: trial.value)


def test_a_seed_means_one_search_and_another_seed_another():
    first, again, other = (search(SPACE, _well(), trials=6, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.trials != other.trials


def test_fewer_trials_are_the_beginning_of_more():
    assert search(SPACE, _well(), trials=4, seed=1).trials == search(SPACE, _well(), trials=12, seed=1).trials[:4]


@pytest.mark.parametrize("killed_after", [0, 3, 4, 9])
def test_a_search_that_was_killed_ends_as_it_would_have_ended(tmp_path, killed_after):
    whole = search(SPACE, _well(), trials=12, seed=5)
    journal = tmp_path / "journal.log"
    with pytest.raises(Killed):
        search(SPACE, _killed_after(killed_after), trials=12, seed=5, storage=journal)
    resumed = search(SPACE, _well(), trials=12, seed=5, storage=journal)
    assert resumed.trials == whole.trials
    assert resumed.resumed == killed_after


def test_a_journal_whose_last_line_was_cut_off_is_mended(tmp_path):
    journal = tmp_path / "journal.log"
    search(SPACE, _well(), trials=8, seed=5, storage=journal)
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"op_code": 6, "wor')
    resumed = search(SPACE, _well(), trials=12, seed=5, storage=journal)
    assert resumed.trials == search(SPACE, _well(), trials=12, seed=5).trials


def test_what_is_known_is_not_tried_again_unless_asked(tmp_path):
    journal = tmp_path / "journal.log"
    search(SPACE, _well(), trials=8, seed=5, storage=journal)
    assert search(SPACE, _killed_after(0), trials=8, seed=5, storage=journal).resumed == 8
    with pytest.raises(Killed):
        search(SPACE, _killed_after(0), trials=8, seed=5, storage=journal, resume=False)


def test_another_key_begins_anew_in_the_same_journal(tmp_path):
    journal = tmp_path / "journal.log"
    search(SPACE, _well(), trials=4, seed=5, storage=journal, key="one history")
    assert search(SPACE, _well(), trials=4, seed=5, storage=journal, key="another history").resumed == 0


def test_no_trials_are_refused():
    with pytest.raises(ConfigError, match="trials 0"):
        search(SPACE, _well(), trials=0, seed=1)


@pytest.mark.slow
def test_workers_move_no_result_and_a_lost_one_is_replaced(tmp_path):
    """One Ray serves all that needs one, because starting it takes seconds."""
    alone = search(SPACE, _well(), trials=8, seed=5)
    with local_ray(2):
        for workers in (1, 2):
            assert search(SPACE, _well(), trials=8, seed=5, workers=workers, start_seconds=0.0) == alone
        with RayWorkers(_may_write_to(np.zeros(200_000)), 1) as team:
            assert list(team.evaluate([(0, {})])) == [1.0]
        pids = tmp_path / "pids"
        pids.mkdir()
        hired_late = search(SPACE, _slow_well(pids, seconds=0.2), trials=12, seed=5, workers=2, start_seconds=0.5)
        assert hired_late == search(SPACE, _well(), trials=12, seed=5)
        here = {int(place.name) for place in pids.glob(f"{os.getpid()}/*")}
        assert {0, 1} <= here < set(range(12))
        with RayWorkers(_dies_first(tmp_path / "died", times=2), 2) as team:
            assert list(team.evaluate([(0, {}), (1, {}), (2, {})])) == [0.0, 1.0, 2.0]
        with (
            RayWorkers(_dies_first(tmp_path / "dies", times=LOST_AT_MOST + 1), 1) as team,
            pytest.raises(DecisionEngineError, match=f"trial 0 lost its worker {LOST_AT_MOST + 1} times"),
        ):
            list(team.evaluate([(0, {})]))


def test_cheap_trials_are_not_worth_a_worker(tmp_path):
    """Their times say so: no process but this one tries any, and the result is that of any number of workers."""
    place = tmp_path / "pids"
    place.mkdir()
    found = search(SPACE, _slow_well(place, seconds=0.001), trials=8, seed=5, workers=2)
    assert found == search(SPACE, _well(), trials=8, seed=5)
    assert {folder.name for folder in place.glob("*")} == {str(os.getpid())}


def test_workers_are_worth_what_they_save_beyond_their_start():
    assert seconds_saved([90.0, 2.0, 4.0], left=10, n_workers=2) == pytest.approx(15.0)
    assert seconds_saved([90.0, 2.0, 4.0], left=10, n_workers=1) == 0.0
    assert seconds_saved([90.0], left=10, n_workers=8) == 0.0


def _slow_well(place: Path, seconds: float) -> Objective:
    """Return an objective that takes its time, and notes which process tried which trial."""
    well = _well()

    def value(params: Params, trial: int) -> float:
        folder = place / str(os.getpid())
        folder.mkdir(exist_ok=True)
        (folder / str(trial)).touch()
        time.sleep(seconds)
        return well(params, trial)

    return value


def _may_write_to(large: FloatArray) -> Objective:
    """Return an objective that says whether its array is writable: compiled code for arrays that are not is other code."""
    return lambda params, trial: float(large.flags.writeable)


def _dies_first(place: Path, times: int) -> Objective:
    """Return an objective whose trial 0 kills its process a few times, remembered in a folder."""
    place.mkdir()

    def value(params: Params, trial: int) -> float:
        deaths = len(list(place.iterdir()))
        if trial == 0 and deaths < times:
            (place / str(deaths)).touch()
            os._exit(1)
        return float(trial)

    return value


def test_the_simulated_value_is_a_function_of_the_point():
    small = small_world()
    states = small.states.take(np.arange(80))
    limits: Limits = limits_of(small.ensemble.members[:1], states, budget=8.0)
    factory = PolicyFactory(ensemble=small.ensemble, states=states, limits=limits)
    value = SimulatedValue.of(factory, small.ensemble.members[:1], states, weeks=4, limits=limits, seed=2)
    lapse: Params = {"kind": "rfm_rule", "action": "coupon", "gap_low": 1.0, "gap_width": 4.0, "worth_quantile": 0.2}
    greedy: Params = {"kind": "uplift_greedy", "price": 0.1, "min_increment": 0.0, "pessimism": 0.5, "weeks": 8}
    assert value(lapse, 0) == value(lapse, 7)
    assert value(lapse, 0) != value(greedy, 0)
    built = factory(greedy)
    assert isinstance(built, UpliftGreedy)
    assert built.budget == 8.0
    assert set(default_space(small.ensemble.actions).families) == {"rfm_rule", "uplift_greedy"}
    with pytest.raises(ConfigError, match="no policy of the family 'tree'"):
        factory({"kind": "tree"})
