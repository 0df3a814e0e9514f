"""The search itself: Optuna is asked for a batch, workers try it, Optuna is told in the order asked.

A trial's point depends on the seed, its place in the search and what earlier batches told: not on the number of workers, nor on
which of them is fastest. The journal on disk is written as things happen; a search that was stopped goes on where it stood,
with the points it had asked for, and ends as it would have ended. The sampler is the tree-structured Parzen estimator
(Bergstra, Bardenet, Bengio and Kégl, 2011, NeurIPS 24).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policies.search.space import Params, Space
from policies.search.workers import START_SECONDS, Asked, HiredWhenWorthIt, InProcess, Objective, workers_for
from simulations.errors import ConfigError
from simulations.randomness import stream

if TYPE_CHECKING:
    import optuna
    import pandas as pd

_POINT, _PLACE = "point", "place"  # a trial's attributes: what was asked, and where in the search it stands
_STARTUP = 8  # random points before the estimator is trusted


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """One point and its value."""

    place: int
    params: Params
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """All points tried.

    Attributes
    ----------
    best : TrialResult
        The largest value; the earlier of two alike.
    trials : tuple of TrialResult
        In the order asked.
    resumed : int
        How many were known before this run.
    """

    best: TrialResult
    trials: tuple[TrialResult, ...]
    resumed: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row a trial: place, value and parameters (empty where a family has none of that name)."""
        import pandas as pd

        return pd.DataFrame([{"place": trial.place, "value": trial.value, **trial.params} for trial in self.trials])

    def summary(self) -> str:
        """Say what was best."""
        words = ", ".join(
            f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in self.best.params.items()
        )
        return f"best of {len(self.trials)} trials: {self.best.value:.4f} with {words}"


def search(
    space: Space,
    objective: Objective,
    *,
    trials: int,
    seed: int,
    workers: int = 0,
    batch_size: int = 4,
    storage: Path | None = None,
    resume: bool = True,
    key: str = "",
    first: Sequence[Params] = (),
    on_step: Callable[[int, int], None] | None = None,
    start_seconds: float = START_SECONDS,
) -> SearchResult:
    """Maximise an objective.

    Parameters
    ----------
    objective : callable
        Pure: a point and a trial's place give one number. With workers it must survive being sent to another process.
    trials : int
        Points to try in all, those of an earlier run included.
    workers : int
        Processes at most; 0 tries them here. Cheap trials are tried here in any case. Results are the same with any number.
    batch_size : int
        Points asked for before any of them is told: as many as workers can be busy with.
    storage : Path, optional
        Journal file. Without it nothing outlives the search.
    resume : bool
        Go on with what the journal holds; False begins anew.
    key : str
        What else the objective depends on (data, settings): a journal is only gone on with under the same key, space, seed and
        batch size.
    first : sequence of points
        Tried before the sampler is asked: what is thought good already, which a search should never end below.
    on_step : callable, optional
        Told how many trials are done, of how many, after each batch.
    start_seconds : float
        What starting the workers costs: they are started once they would save more than that; with 0 at once.

    Raises
    ------
    ConfigError
        If `trials` or `batch_size` is below one or `workers` below zero.
    """
    if trials < 1 or batch_size < 1 or workers < 0:
        raise ConfigError(
            f"search: trials {trials}, batch_size {batch_size}, workers {workers}; at least 1, 1 and 0 are needed."
        )
    name = _study_name(space, seed, batch_size, key, first)
    study = _open_study(storage, name, resume=resume)
    known = len(_finished(study))
    _fail_half_asked(study)
    if known < trials:
        with workers_for(objective, workers, trials=trials - known, start_seconds=start_seconds) as team:
            while (done := len(_finished(study))) < trials:
                last = min((done // batch_size + 1) * batch_size, trials)
                _ask_up_to(study, space, seed, last, first)
                _try_and_tell(study, team)
                if on_step is not None:
                    on_step(min(last, trials), trials)
    results = _finished(study)[:trials]
    best = max(results, key=lambda one: (one.value, -one.place))
    return SearchResult(best=best, trials=tuple(results), resumed=min(known, trials))


def _study_name(space: Space, seed: int, batch_size: int, key: str, first: Sequence[Params]) -> str:
    settings = json.dumps([space.to_json(), seed, batch_size, key, list(first)], sort_keys=True, default=str)
    return f"search-{hashlib.blake2b(settings.encode(), digest_size=8).hexdigest()}"


def _open_study(storage: Path | None, name: str, *, resume: bool) -> optuna.Study:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if storage is None:
        return optuna.create_study(study_name=name, direction="maximize")
    storage.parent.mkdir(parents=True, exist_ok=True)
    mend_journal(storage)
    journal = optuna.storages.JournalStorage(JournalFileBackend(str(storage)))
    if not resume and name in {study.study_name for study in optuna.get_all_study_summaries(journal)}:
        optuna.delete_study(study_name=name, storage=journal)
    return optuna.create_study(study_name=name, storage=journal, direction="maximize", load_if_exists=True)


def mend_journal(journal: Path) -> None:
    """Cut off a last line that was only half written when a search was killed."""
    if not journal.exists():
        return
    content = journal.read_bytes()
    if content and not content.endswith(b"\n"):
        with journal.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


def _trials(study: optuna.Study, state: str) -> list[optuna.trial.FrozenTrial]:
    """Return the trials of a state that were asked for in full, in the order of their places."""
    found = [one for one in study.get_trials(deepcopy=False) if one.state.name == state and _POINT in one.user_attrs]
    return sorted(found, key=lambda one: int(one.user_attrs[_PLACE]))


def _finished(study: optuna.Study) -> list[TrialResult]:
    return [
        TrialResult(place=int(one.user_attrs[_PLACE]), params=dict(one.user_attrs[_POINT]), value=float(one.values[0]))
        for one in _trials(study, "COMPLETE")
    ]


def _fail_half_asked(study: optuna.Study) -> None:
    """Close trials that a killed search had begun to ask for: their places are asked for again."""
    from optuna.trial import TrialState

    for one in study.get_trials(deepcopy=False):
        if one.state == TrialState.RUNNING and _POINT not in one.user_attrs:
            study.tell(one.number, state=TrialState.FAIL)


def _ask_up_to(study: optuna.Study, space: Space, seed: int, last: int, first: Sequence[Params]) -> None:
    """Ask for the places of the batch that nobody has asked for yet; the points of `first` have the first places."""
    from optuna.samplers import TPESampler

    taken = len(_trials(study, "COMPLETE")) + len(_trials(study, "RUNNING"))
    for place in range(taken, last):
        own = int(stream(seed, "search", place).integers(2**32))
        study.sampler = TPESampler(seed=own, n_startup_trials=_STARTUP)
        if place < len(first):
            _queue(study, space.flat(first[place]))
        trial = study.ask()
        point: dict[str, Any] = space.suggest(trial)
        trial.set_user_attr(_PLACE, place)
        trial.set_user_attr(_POINT, point)


def _queue(study: optuna.Study, params: Params) -> None:
    """Let the next trial be this point; a killed search may have left it in the queue already."""
    waiting = [one for one in study.get_trials(deepcopy=False) if one.state.name == "WAITING"]
    if not waiting:
        study.enqueue_trial(dict(params))


def _try_and_tell(study: optuna.Study, team: InProcess | HiredWhenWorthIt) -> None:
    waiting = _trials(study, "RUNNING")
    batch: list[Asked] = [(int(one.user_attrs[_PLACE]), dict(one.user_attrs[_POINT])) for one in waiting]
    for one, value in zip(waiting, team.evaluate(batch), strict=True):
        study.tell(one.number, value)


def points(result: SearchResult) -> list[dict[str, object]]:
    """Return the trials as plain values, for records."""
    return [asdict(trial) for trial in result.trials]
