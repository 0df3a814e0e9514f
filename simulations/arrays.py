"""Array types: the element types that pass between rooms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int64]
ActionArray = NDArray[np.int16]  # indices into an `ActionSet`; 0 is `none`
BitArray = NDArray[np.uint32]  # one bit per action
KeyArray = NDArray[np.uint64]  # 64-bit user keys, see `simulations.randomness.user_keys`
BoolArray = NDArray[np.bool_]
