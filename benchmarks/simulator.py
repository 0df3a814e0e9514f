"""How fast users are simulated, in how much memory, and what the same work costs elsewhere.

The simulator is the one that the main job judges: heads, latents and week shocks fitted on the fitting weeks of Complete
Journey, with the responses that its effects leave (estimated where identified, else assumed); with ``--quick`` a small drawn
world. It is saved and loaded, and the digest of what was loaded is printed. Nothing is left out of a rollout: all heads,
responses of every action, redemption, opt-out, latent death, contact rules, and a policy that gives one action to everybody
whom the rules allow to get it; beside it the same without any contact. Users are drawn from the history, each with a key.

The peer in numpy (`benchmarks.numpy_simulator`) does the same work on the same addressed numbers, and its sums by user are
compared with the kernel's. RecoGym, RecSim and lifetimes run in old environments of their own (`benchmarks.old_peers`).
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.measurement import Figure, run
from benchmarks.numpy_simulator import live_in_numpy
from benchmarks.old_peers import LIFETIMES, RECOGYM, RECSIM, Peer, measured_there
from simulations.kernel import REVENUE
from simulations.simulator import LifecycleSimulator
from simulations.standing_rule import StandingRule
from simulations.state import UserStates

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "examples" / "complete_journey.yaml"
WEEKS = 52
USERS, NUMPY_USERS, MANY_USERS = 1_000_000, 200_000, 10_000_000
QUICK_USERS, QUICK_NUMPY_USERS, QUICK_MANY_USERS = 20_000, 5_000, 40_000
ACTION = 1  # the first one: what the policy gives
give_to_all_allowed = StandingRule(action=ACTION)
SLOTS, STEPS = 256, 400  # of the vectorised environment, and how many steps of it
QUICK_SLOTS, QUICK_STEPS = 16, 20
CDNOW_WEEKS = 39


def fitted_simulator(folder: Path) -> UserStates:
    """Save the simulator that the main job judges into a folder; return the users' states after the fitting weeks."""
    from decision_engine.config import load_config
    from decision_engine.history import read_history
    from decision_engine.stages.effects import estimate_at
    from decision_engine.stages.fit import fit_ensemble
    from simulations.state import fold

    config = load_config(CONFIG)
    history = read_history(config)
    early = history.panel(config.action_set(), config.calendar()).as_of(config.n_fitting_periods)
    effects = estimate_at(early, history.tables.get("exposures"), history.tables.get("customers"), config)
    fit_ensemble(early, effects, config, 0, seed=config.seed).point.save(folder)
    return fold(early)


def drawn_simulator(folder: Path) -> UserStates:
    """Save a small drawn world instead; return its users' states after some weeks."""
    from simulations.scenarios import draw_world

    world = draw_world(1)
    world.simulator.save(folder)
    return world.simulate_history(2000, 26, seed=1).states


def digest_of(folder: Path) -> str:
    """Return the digest of a saved simulator: its arrays and its plain values."""
    digest = hashlib.sha256((folder / "simulator.json").read_bytes())
    with np.load(folder / "simulator.npz", allow_pickle=False) as stored:
        for name in sorted(stored.files):
            digest.update(name.encode() + stored[name].tobytes())
    return digest.hexdigest()[:16]


def fastest(job: Callable[[], object], times: int = 3) -> tuple[float, float]:
    """Return the smallest seconds and processor seconds of some runs, after one that is not counted."""
    job()
    walls, works = [], []
    for _ in range(times):
        wall, work = time.perf_counter(), time.process_time()
        job()
        walls.append(time.perf_counter() - wall)
        works.append(time.process_time() - work)
    return min(walls), min(works)


def bytes_per_user(simulator: LifecycleSimulator, states: UserStates) -> float:
    """Return the bytes of a user's state, seen and unseen, and of their sums over the weeks."""
    lived = simulator.rollout(states, weeks=1)
    after = lived.final
    arrays = [getattr(after.states, name) for name in UserStates.__slots__]
    everything = (*arrays, after.latents, after.alive, lived.totals, lived.retained)
    return sum(int(array.nbytes) for array in everything) / states.n_users


def in_a_process(job: Callable[..., dict[str, float]], *arguments: object) -> tuple[dict[str, float], float]:
    """Run a job of this file in a process of its own; return what it found and its peak memory in GB."""
    code = f"import json; from benchmarks.simulator import {job.__name__} as job; print(json.dumps(job(*{arguments!r})))"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{job.__name__} ended with {process.returncode}")
    found: dict[str, float] = json.loads(printed.splitlines()[-1])
    return found, usage.ru_maxrss / (1e6 if sys.platform == "linux" else 1e9)


def first_rollout(folder: str) -> dict[str, float]:
    """Return how much longer a process's first rollout takes than its second: reading and linking machine code."""
    simulator, states = LifecycleSimulator.load(Path(folder)), read_states(Path(folder))
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        simulator.rollout(states, give_to_all_allowed, weeks=4)
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds[0] - seconds[1]}


def many_users(folder: str, n_users: int) -> dict[str, float]:
    """Live `n_users` users in shards, with a bar."""
    from decision_engine.progress import Progress
    from simulations.shards import drawn_users, rollout_in_shards

    simulator, states = LifecycleSimulator.load(Path(folder)), read_states(Path(folder))
    progress, start = Progress(), time.perf_counter()
    lived = rollout_in_shards(
        simulator,
        drawn_users(states, n_users, seed=1),
        give_to_all_allowed,
        weeks=WEEKS,
        seed=1,
        on_shard=lambda done, _: progress.step("users", done, n_users),
    )
    return {"seconds": time.perf_counter() - start, "revenue": float(lived.weekly[:, REVENUE].sum())}


def write_states(states: UserStates, folder: Path) -> None:
    """Keep the states beside the simulator, for processes of their own."""
    np.savez(folder / "states.npz", allow_pickle=False, **{name: getattr(states, name) for name in UserStates.__slots__})


def read_states(folder: Path) -> UserStates:
    """Read what `write_states` wrote."""
    with np.load(folder / "states.npz", allow_pickle=False) as stored:
        return UserStates(**{name: stored[name] for name in UserStates.__slots__})


def rollout_figures(simulator: LifecycleSimulator, users: UserStates, n_numpy: int, digest: str) -> list[Figure]:
    """Return speed and size of rollouts, and the same work in numpy."""
    n_users = users.n_users

    def live(states: UserStates, weeks: int, *, contact: bool) -> None:
        simulator.rollout(states, give_to_all_allowed if contact else None, weeks=weeks, seed=1)

    contacted, contacted_work = fastest(partial(live, users, WEEKS, contact=True))
    left, left_work = fastest(partial(live, users, WEEKS, contact=False))
    few, _ = fastest(partial(live, users.take(np.arange(n_users // 8)), WEEKS, contact=True))
    short, _ = fastest(partial(live, users, WEEKS // 4, contact=True))
    user_weeks = n_users * WEEKS
    some = simulator.population(users.take(np.arange(n_numpy)), seed=1)
    sums, _ = live_in_numpy(simulator, some, WEEKS, action=ACTION)
    ours = simulator.rollout(some, give_to_all_allowed, weeks=WEEKS)
    same = float((sums == ours.totals).all(axis=1).mean())
    if not np.allclose(sums.mean(axis=0), ours.totals.mean(axis=0), rtol=1e-3):
        raise ValueError(f"numpy lives other lives: {sums.mean(axis=0).tolist()} and {ours.totals.mean(axis=0).tolist()}")
    start = time.process_time()
    live_in_numpy(simulator, some, WEEKS, action=ACTION)
    in_numpy = (time.process_time() - start) / (n_numpy * WEEKS)
    start = time.process_time()
    live_in_numpy(simulator, some, WEEKS)
    left_in_numpy = (time.process_time() - start) / (n_numpy * WEEKS)
    what = f"simulator {digest}, {n_users:,} users x {WEEKS} weeks"
    work = f"{contacted_work / user_weeks * 1e9:.0f} ns of processor time a user-week; mean contacts {ours.contacts.mean():.1f}"
    return [
        Figure(
            name="user_weeks_per_s", value=user_weeks / contacted, unit="1/s", to_reach="at least 30,000,000 on 2 cores",
            peer="numpy on one core", peer_value=1.0 / in_numpy,
            note=f"{what}, {simulator.actions[ACTION].name} to all whom the rules allow; {work}",
        ),
        Figure(
            name="user_weeks_per_s_no_contact", value=user_weeks / left, unit="1/s",
            peer="numpy on one core", peer_value=1.0 / left_in_numpy,
            note=f"{left_work / user_weeks * 1e9:.0f} ns of processor time a user-week",
        ),
        Figure(
            name="ratio_to_numpy", value=user_weeks / contacted * in_numpy, unit="ratio", to_reach="at least 3",
            note=f"by processor time, core for core, {in_numpy * user_weeks / contacted_work:.1f}, and without contact "
            f"{left_in_numpy * user_weeks / left_work:.1f}; sums of {same:.2%} of the users are equal bit for bit",
        ),
        Figure(
            name="bytes_per_user", value=bytes_per_user(simulator, users), unit="bytes", to_reach="at most 200",
            note="state seen and unseen, and the sums over all weeks",
        ),
        Figure(
            name="cost_growth_by_users", value=contacted / few / 8.0, unit="ratio", to_reach="near 1",
            note="time a user-week over that of an eighth of the users",
        ),
        Figure(
            name="cost_growth_by_weeks", value=contacted / short / 4.0, unit="ratio", to_reach="near 1",
            note=f"time a user-week over {WEEKS} weeks over that over {WEEKS // 4}",
        ),
    ]  # fmt: skip


def environment_figure(simulator: LifecycleSimulator, states: UserStates, n_slots: int, n_steps: int) -> Figure:
    """Return steps a second of the native vectorised environment, beside Gymnasium's over single ones."""
    from gymnasium.vector import SyncVectorEnv

    from envs.retention import RetentionEnv
    from envs.vector import RetentionVectorEnv

    def steps_per_second(env: RetentionVectorEnv | SyncVectorEnv, times: int) -> float:
        env.reset(seed=1)
        actions = np.zeros(n_slots, dtype=np.int64)
        env.step(actions)
        start = time.perf_counter()
        for _ in range(times):
            env.step(actions)
        return n_slots * times / (time.perf_counter() - start)

    native = steps_per_second(RetentionVectorEnv(n_slots, simulator=simulator, states=states), n_steps)
    single = [partial(RetentionEnv, simulator=simulator, states=states) for _ in range(n_slots)]
    synchronous = steps_per_second(SyncVectorEnv(single), max(n_steps // 20, 2))
    return Figure(
        name="environment_steps_per_s", value=native, unit="1/s", peer="Gymnasium's SyncVectorEnv over single environments",
        peer_value=synchronous, note=f"{n_slots} slots",
    )  # fmt: skip


def peer_figure(name: str, peer: Peer, ours: float, *, quick: bool) -> Figure:
    """Return how many times more user-weeks a second we live than a peer makes steps."""
    bar = "at least 100"
    if quick:
        return Figure(name=name, value=None, unit="ratio", to_reach=bar, note="skipped with --quick")
    found, reason = measured_there(peer)
    if found is None:
        return Figure(name=name, value=None, unit="ratio", to_reach=bar, note=reason)
    return Figure(
        name=name, value=ours / found["per_second"], unit="ratio", to_reach=bar,
        note=f"{peer.name}: {found['per_second']:,.0f} steps a second, in its own environment",
    )  # fmt: skip


def repeat_buyers(quick: bool) -> tuple[np.ndarray, str]:
    """Return (n_users, 3) frequency, last age and age in weeks: CDNOW where it is at hand, else drawn buyers."""
    data = os.environ.get("DECISION_ENGINE_DATA")
    path = Path(data) / "cdnow" / "cdnow_master.csv.gz" if data else None
    if quick or path is None or not path.exists():
        rng = np.random.default_rng(1)
        known = rng.uniform(27.0, 39.0, 23_570).round(2)
        span = known * rng.beta(0.8, 0.6, known.size)  # until they dropped out
        x = rng.poisson(rng.gamma(0.25, 0.25, known.size) * span).astype(np.float64)
        latest = np.where(x > 0, (span * rng.beta(np.maximum(x, 1.0), 1.0)).round(2), 0.0)
        return np.column_stack([x, latest, known]), "drawn; no folder of data is named" if path is None else "drawn"
    import pandas as pd

    rows = pd.read_csv(path, usecols=["customer_id", "date"], dtype={"customer_id": "str"}, parse_dates=["date"])
    end = pd.Timestamp("1997-09-30")
    days = rows[rows["date"] <= end].drop_duplicates().groupby("customer_id")["date"].agg(["count", "min", "max"])
    age, last = (end - days["min"]).dt.days / 7.0, (days["max"] - days["min"]).dt.days / 7.0
    return np.column_stack([days["count"] - 1.0, last, age]), f"CDNOW, {CDNOW_WEEKS} weeks"


def fit_figure(*, quick: bool) -> Figure:
    """Return the time of a BG/NBD fit, beside that of lifetimes, with both sets of parameters."""
    from simulations.parametric import BgNbd, RepeatHistory

    columns, what = repeat_buyers(quick)
    history = RepeatHistory.of(frequency=columns[:, 0], last_age=columns[:, 1], age=columns[:, 2])
    seconds, _ = fastest(lambda: BgNbd.fit(history), times=5)
    fit = BgNbd.fit(history)
    note = f"{history.n_users:,} users ({what}): r {fit.r:.4f}, alpha {fit.alpha:.4f}, a {fit.a:.4f}, b {fit.b:.4f}"
    theirs: dict[str, float] | None = None
    if quick:
        note += "; lifetimes skipped with --quick"
    else:
        with tempfile.TemporaryDirectory(prefix="bgnbd-") as name:
            np.savetxt(Path(name) / "users.csv", columns, delimiter=",", fmt="%.17g")
            theirs, reason = measured_there(LIFETIMES, str(Path(name) / "users.csv"))
        ratios = [getattr(fit, name) / theirs[name] for name in ("r", "alpha", "a", "b")] if theirs else []
        note += f"; farthest from lifetimes by {max(abs(r - 1.0) for r in ratios):.1e} of a parameter" if ratios else reason
    return Figure(
        name="bgnbd_fit_ms", value=1e3 * seconds, unit="ms", to_reach="at most 30", peer="lifetimes" if theirs else "",
        peer_value=1e3 * theirs["seconds"] if theirs else None, note=note,
    )  # fmt: skip


def measure(quick: bool) -> list[Figure]:
    """Return the figures of simulating."""
    from simulations.shards import drawn_users

    n_users, n_numpy, n_many = (QUICK_USERS, QUICK_NUMPY_USERS, QUICK_MANY_USERS) if quick else (USERS, NUMPY_USERS, MANY_USERS)
    slots, steps = (QUICK_SLOTS, QUICK_STEPS) if quick else (SLOTS, STEPS)
    with tempfile.TemporaryDirectory(prefix="simulator-") as name:
        folder = Path(name)
        states = drawn_simulator(folder) if quick else fitted_simulator(folder)
        write_states(states, folder)
        simulator = LifecycleSimulator.load(folder)
        (users,) = drawn_users(states, n_users, seed=1, shard_users=n_users)
        figures = rollout_figures(simulator, users, n_numpy, digest_of(folder))
        in_a_process(first_rollout, name)
        compiled, _ = in_a_process(first_rollout, name)
        many, gigabytes = in_a_process(many_users, name, n_many)
    speed = figures[0].value or 0.0
    return [
        *figures,
        Figure(
            name="compile_seconds", value=compiled["seconds"], unit="s", to_reach="at most 1",
            note="a fresh process's first rollout over its second, machine code from the cache",
        ),
        Figure(
            name="ten_million_gb", value=gigabytes, unit="GB", to_reach="at most 8",
            note=f"peak of a process that lives {n_many:,} users x {WEEKS} weeks in shards, in {many['seconds']:.0f} s",
        ),
        environment_figure(simulator, states, slots, steps),
        peer_figure("ratio_to_recogym", RECOGYM, speed, quick=quick),
        peer_figure("ratio_to_recsim", RECSIM, speed, quick=quick),
        fit_figure(quick=quick),
    ]  # fmt: skip


if __name__ == "__main__":
    run("simulator", measure)
