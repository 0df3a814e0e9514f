"""Compilation to machine code, cached where a change of any compiled source is noticed.

numba's own cache looks only at the file of the function it compiles, not at the functions that one calls; after an edit in
another file it would go on with the old code. Here the cache folder's name is a digest of every source file of this package
that holds compiled functions, so an edit in any of them starts a fresh one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def _cache_folder() -> Path:
    digest = hashlib.blake2b(digest_size=8)
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        text = source.read_bytes()
        if b"njit" in text:
            digest.update(text)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "decision-engine" / "compiled" / digest.hexdigest()


if not getattr(numba.config, "CACHE_DIR", ""):
    setattr(numba.config, "CACHE_DIR", str(_cache_folder()))  # noqa: B010  numba declares no type for it


def njit(
    *, parallel: bool = False, cache: bool = True, inline: bool = False, nogil: bool = False
) -> Callable[[Function], Function]:
    """Compile a function without the interpreter, without fast-math, remembered between runs.

    A division by zero gives infinity or no number, as in numpy, instead of an exception that every division would look out for.

    Parameters
    ----------
    parallel : bool
        Let `numba.prange` loops use all cores. Only loops whose iterations touch rows of their own belong in one, so that
        the number of cores never moves a result.
    cache : bool
        Keep the machine code on disk.
    inline : bool
        Put the machine code into that of every caller, so that values passed stay in registers.
    nogil : bool
        Let other threads go on meanwhile; not for parallel loops, which must not begin in two threads at once.
    """
    made = numba.njit(parallel=parallel, cache=cache, error_model="numpy", forceinline=inline, nogil=nogil)
    return cast("Callable[[Function], Function]", made)
