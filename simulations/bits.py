"""Bits of a 64-bit word, counted by the processor's own instructions where it has them."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from simulations.compiled import njit


@intrinsic
def _ones(typing_context: Any, word: Any) -> Any:
    return types.int64(types.uint64), lambda context, builder, signature, arguments: builder.ctpop(arguments[0])


@intrinsic
def _zeros_below(typing_context: Any, word: Any) -> Any:
    zero_is_known = ir.Constant(ir.IntType(1), 0)  # of no set bit at all there are 64 zeros
    return types.int64(types.uint64), lambda context, builder, signature, arguments: builder.cttz(arguments[0], zero_is_known)


@njit()
def count_bits(word: np.uint64) -> int:
    """Return how many bits of `word` are set.

    Examples
    --------
    >>> count_bits(np.uint64(0b1011))
    3
    """
    return int(_ones(np.uint64(word)))  # type: ignore[call-arg]  # the compiler passes the typing context


@njit()
def lowest_bit(word: np.uint64) -> int:
    """Return the place of the lowest set bit, 64 where none is set.

    Examples
    --------
    >>> lowest_bit(np.uint64(0b1000)), lowest_bit(np.uint64(0))
    (3, 64)
    """
    return int(_zeros_below(np.uint64(word)))  # type: ignore[call-arg]
