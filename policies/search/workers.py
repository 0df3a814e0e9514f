"""Who tries the trials of a batch: this process, or long-lived Ray actors. Results come back in the order asked.

Starting Ray takes longer than a small shop's whole search. So the first trials are tried here, and workers are hired once those
that are left would take them enough time to earn their start back; no result depends on when that is.
"""

from __future__ import annotations

import logging
import os
import pickle
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from policies.search.space import Params
from simulations.errors import DecisionEngineError, MissingExtraError

Objective = Callable[[Params, int], float]
Asked = tuple[int, Params]  # a trial's number and its point
LOST_AT_MOST = 3  # times a trial may lose its worker before the search gives up
START_SECONDS = 20.0  # until a first worker of a Ray started for the search is at work: processes, imports, compiled code
_STORE_BYTES = 128 * 2**20  # Ray's shared memory on this machine


class Workers(AbstractContextManager["Workers"], Protocol):
    """Evaluates batches."""

    def evaluate(self, batch: Sequence[Asked]) -> Iterator[float]:
        """Yield one value a trial, in the order of the batch, each as soon as all before it are known."""
        ...


class InProcess:
    """Tries one trial after the other, here."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective

    def __enter__(self) -> InProcess:
        """Return the workers."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind."""

    def evaluate(self, batch: Sequence[Asked]) -> Iterator[float]:
        """Yield one value a trial, in the order of the batch."""
        for number, params in batch:
            yield self._objective(params, number)


class RayWorkers:
    """Actors that each keep the objective and try trials as they become free.

    The objective is sent once. A worker that dies is replaced and its trial tried again, at most `LOST_AT_MOST` times. A Ray
    that already runs is used and left running; else a local one is started and shut down.

    Parameters
    ----------
    objective : callable
        Pure; takes a point and the trial's number.
    n_workers : int
        Processes, at least one.
    """

    def __init__(self, objective: Objective, n_workers: int) -> None:
        self._objective = objective
        self._n_workers = n_workers
        self._own = ExitStack()

    def __enter__(self) -> RayWorkers:
        """Start the actors."""
        self._ray = _load_ray()
        if not self._ray.is_initialized():
            self._own.enter_context(local_ray(self._n_workers))
        # As bytes: arrays that Ray shares are read-only, and for those each worker would compile all machine code once more.
        self._shared = self._ray.put(self._ray.cloudpickle.dumps(self._objective))
        self._actors = [self._hire() for _ in range(self._n_workers)]
        return self

    def __exit__(self, *_: object) -> None:
        """Dismiss the actors, and stop Ray if it was started here."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._own.close()

    def evaluate(self, batch: Sequence[Asked]) -> Iterator[float]:
        """Yield one value a trial, in the order of the batch.

        Raises
        ------
        DecisionEngineError
            If a trial lost its worker too often.
        """
        waiting = deque(range(len(batch)))
        idle = list(range(len(self._actors)))
        lost = [0] * len(batch)
        running: dict[Any, tuple[int, int]] = {}
        values: dict[int, float] = {}
        told = 0
        while told < len(batch):
            while idle and waiting:
                place, worker = waiting.popleft(), idle.pop(0)
                number, params = batch[place]
                running[self._actors[worker].evaluate.remote(params, number)] = (place, worker)
            ready, _ = self._ray.wait(list(running), num_returns=1)
            place, worker = running.pop(ready[0])
            try:
                values[place] = float(self._ray.get(ready[0]))
            except self._ray.exceptions.RayActorError:
                lost[place] += 1
                if lost[place] > LOST_AT_MOST:
                    raise DecisionEngineError(f"search: trial {batch[place][0]} lost its worker {lost[place]} times.") from None
                self._actors[worker] = self._hire()
                waiting.appendleft(place)
            idle.append(worker)
            while told in values:
                yield values.pop(told)
                told += 1

    def _hire(self) -> Any:
        return self._ray.remote(num_cpus=1)(_Worker).remote(self._shared)


class HiredWhenWorthIt:
    """Tries trials here until workers would earn their start back, then lets `RayWorkers` go on.

    The first trial waits for code to be compiled, so that it tells nothing of how long another takes.

    Parameters
    ----------
    objective : callable
        Pure; takes a point and the trial's number.
    n_workers : int
        Processes, once hired.
    trials : int
        How many are to be tried in all.
    start_seconds : float
        What hiring costs; with 0 workers are hired at once.
    """

    def __init__(self, objective: Objective, n_workers: int, *, trials: int, start_seconds: float = START_SECONDS) -> None:
        self._objective = objective
        self._n_workers = n_workers
        self._left = trials
        self._start_seconds = start_seconds
        self._seconds: list[float] = []
        self._own = ExitStack()
        self._team: RayWorkers | None = None

    def __enter__(self) -> HiredWhenWorthIt:
        """Hire at once where that costs nothing."""
        self._hire_if_worth_it()
        return self

    def __exit__(self, *_: object) -> None:
        """Dismiss whoever was hired."""
        self._own.close()

    def evaluate(self, batch: Sequence[Asked]) -> Iterator[float]:
        """Yield one value a trial, in the order of the batch."""
        for place, (number, params) in enumerate(batch):
            if self._team is not None:
                yield from self._team.evaluate(batch[place:])
                return
            began = time.perf_counter()
            value = self._objective(params, number)
            self._seconds.append(time.perf_counter() - began)
            self._left -= 1
            yield value  # told before anybody is hired, so that a hiring that fails loses no trial
            self._hire_if_worth_it()

    def _hire_if_worth_it(self) -> None:
        if self._team is None and seconds_saved(self._seconds, self._left, self._n_workers) >= self._start_seconds:
            self._team = self._own.enter_context(RayWorkers(self._objective, self._n_workers))


def seconds_saved(seconds: Sequence[float], left: int, n_workers: int) -> float:
    """Return how much sooner workers would end the trials that are left, their start aside.

    Parameters
    ----------
    seconds : sequence of float
        How long each trial took so far; the first does not count.

    Examples
    --------
    >>> seconds_saved([30.0, 2.0, 4.0], left=10, n_workers=2), seconds_saved([30.0], left=10, n_workers=2)
    (15.0, 0.0)
    """
    known = seconds[1:]
    return sum(known) / len(known) * left * (1.0 - 1.0 / n_workers) if known else 0.0


class _Worker:
    """One process's copy of the objective."""

    def __init__(self, objective: bytes) -> None:
        import numba

        numba.set_num_threads(1)
        self._objective: Objective = pickle.loads(objective)

    def evaluate(self, params: Params, number: int) -> float:
        """Return a trial's value."""
        return self._objective(params, number)


@contextmanager
def local_ray(n_workers: int) -> Iterator[None]:
    """Run a Ray of this process's own, that leaves nothing behind.

    Its sockets lie in a temporary folder, not in a workspace: a socket's path is at most 107 characters long.
    """
    ray = _load_ray()
    with TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        ray.init(
            address="local",
            num_cpus=n_workers,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            object_store_memory=_STORE_BYTES,
            _temp_dir=folder,
        )
        try:
            yield
        finally:
            ray.shutdown()


def _load_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # the run waits for its workers: they are as urgent as it is
    # Ray listens on every address of the machine, whatever address its node is given: without a token anyone who reaches it can
    # run code here. It would keep one in the home folder, and say so; ours is this process's own, in no file. Ray turns the
    # check on by itself: a mode set here comes too late where another library has loaded Ray already.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    logging.getLogger("ray._private.authentication").setLevel(logging.ERROR)
    try:
        import ray
        import ray.exceptions
    except ImportError as missing:
        raise MissingExtraError("Policy search with workers needs Ray: pip install ray, or search with workers=0.") from missing
    return ray


def workers_for(
    objective: Objective, n_workers: int, *, trials: int, start_seconds: float = START_SECONDS
) -> InProcess | HiredWhenWorthIt:
    """Return workers for so many trials: this process for 0, else also as many actors, where they are worth their start."""
    if n_workers == 0:
        return InProcess(objective)
    return HiredWhenWorthIt(objective, n_workers, trials=trials, start_seconds=start_seconds)
