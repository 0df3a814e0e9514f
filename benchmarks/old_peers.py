"""Peers that live in old pinned environments of their own: what they do, and how fast, measured in a process there.

An environment is made once, under the user's cache, by the name of what is in it; where that does not succeed, the reason is
returned in place of the figure. Packages are installed without what they ask for beyond the pinned list: RecoGym and RecSim ask
for whole learning frameworks of which their worlds need a few imports.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

_SECONDS_TO_INSTALL, _SECONDS_TO_RUN = 900, 180
_NUMERIC = ("numpy==1.23.5", "scipy==1.11.4", "gym==0.26.2", "gym-notices==0.1.0", "cloudpickle==3.1.1", "absl-py==2.1.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another project, its environment and a script that prints one JSON document as its last line."""

    name: str
    requirements: tuple[str, ...]
    script: str


RECOGYM = Peer(
    name="RecoGym",
    requirements=(
        "recogym==0.1.3.0", *_NUMERIC, "pandas==2.0.3", "python-dateutil", "pytz", "tzdata", "six", "numba==0.58.1",
        "llvmlite==0.41.1", "scikit-learn==1.3.2", "joblib", "threadpoolctl", "tqdm", "simplegeneric==0.8.1", "torch==2.13.0",
        "typing_extensions", "sympy==1.13.3", "mpmath==1.3.0", "networkx", "jinja2", "markupsafe", "fsspec", "filelock",
        "matplotlib==3.7.5", "contourpy==1.1.1", "cycler", "fonttools", "kiwisolver", "packaging", "pillow==10.4.0",
        "pyparsing",
    ),
    script="""
import json, time
import gym, recogym
from recogym import env_1_args
env = recogym.envs.RecoEnv1()
env.init_gym({**env_1_args, "random_seed": 42, "num_products": 10})
def begin(user):
    env.reset(user)
    return env.step(None)
user, steps, done = 0, 0, begin(0)[2]
start = time.perf_counter()
while time.perf_counter() - start < SECONDS:
    if done:
        user += 1
        done = begin(user)[2]
    else:
        done = env.step(steps % 10)[2]
    steps += 1
print(json.dumps({"per_second": steps / (time.perf_counter() - start)}))
""",
)  # fmt: skip

RECSIM = Peer(
    name="RecSim",
    requirements=(
        "recsim==0.2.4", *_NUMERIC, "gin-config==0.5.0", "six", "packaging", "dopamine-rl==4.0.9", "tf_slim==1.1.0",
        "opencv-python-headless==4.9.0.80", "tensorflow-cpu==2.15.1", "astunparse", "certifi", "charset_normalizer",
        "flatbuffers==24.3.25", "gast", "google-pasta", "grpcio", "h5py==3.11.0", "idna", "keras==2.15.0", "libclang",
        "markdown", "markupsafe", "ml-dtypes==0.3.2", "opt-einsum", "protobuf==4.25.5", "requests", "tensorboard==2.15.2",
        "tensorboard-data-server==0.7.2", "tensorflow-estimator==2.15.0", "tensorflow-io-gcs-filesystem", "termcolor",
        "typing_extensions", "urllib3", "werkzeug", "wrapt==1.14.1", "google-auth==2.35.0", "google-auth-oauthlib==1.2.1",
        "requests-oauthlib", "oauthlib", "rsa", "pyasn1", "pyasn1-modules", "cachetools==5.5.0", "setuptools==70.3.0",
    ),
    script="""
import json, time
import numpy
numpy.bool = bool
from recsim.environments import interest_evolution
env = interest_evolution.create_environment(
    {"num_candidates": 10, "slate_size": 2, "resample_documents": True, "seed": 0}
)
env.reset()
steps, start = 0, time.perf_counter()
while time.perf_counter() - start < SECONDS:
    if env.step([0, 1])[2]:
        env.reset()
    steps += 1
print(json.dumps({"per_second": steps / (time.perf_counter() - start)}))
""",
)  # fmt: skip

LIFETIMES = Peer(
    name="lifetimes",
    requirements=(
        "lifetimes==0.11.3", "numpy==1.23.5", "scipy==1.11.4", "pandas==1.5.3", "python-dateutil", "pytz", "six",
        "autograd==1.6.2", "future==1.0.0", "dill==0.3.9",
    ),
    script="""
import json, sys, time
import numpy as np
from lifetimes import BetaGeoFitter
x, last, age = np.loadtxt(sys.argv[1], delimiter=",", unpack=True)
best = float("inf")
for _ in range(3):
    start = time.perf_counter()
    model = BetaGeoFitter().fit(x, last, age)
    best = min(best, time.perf_counter() - start)
print(json.dumps({"seconds": best, **{name: float(model.params_[name]) for name in ("r", "alpha", "a", "b")}}))
""",
)  # fmt: skip


def measured_there(peer: Peer, *arguments: str, seconds: float = 3.0) -> tuple[dict[str, float] | None, str]:
    """Return what a peer's script found, or None and the reason."""
    try:
        python = _environment(peer)
        script = peer.script.replace("SECONDS", str(seconds))
        done = subprocess.run(
            [python, "-W", "ignore", "-c", script, *arguments], capture_output=True, text=True, timeout=_SECONDS_TO_RUN
        )
        if done.returncode:
            return None, f"{peer.name} does not run: {_last_line(done.stderr)}"
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return found, ""
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        return None, f"{peer.name} cannot be had here: {_last_line(str(error))}"


def _environment(peer: Peer) -> str:
    """Return the interpreter of the peer's environment, made where it is not there yet."""
    digest = hashlib.blake2b("\n".join((sys.version, *peer.requirements)).encode(), digest_size=6).hexdigest()
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "decision-engine" / "peers"
    folder, stamp = home / f"{peer.name}-{digest}", home / f"{peer.name}-{digest}.ready"
    python = str(folder / "bin" / "python")
    if not stamp.exists():
        print(f"An environment for {peer.name} is made in {folder}.", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        listed = folder / "requirements.txt"
        listed.write_text("\n".join(peer.requirements), encoding="utf-8")
        done = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "-r", str(listed)],
            capture_output=True,
            text=True,
            timeout=_SECONDS_TO_INSTALL,
        )
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise OSError(errors[0] if errors else _last_line(done.stderr))
        stamp.touch()
    return python


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
