"""Held-out users as if they had been contacted: those they are compared with live under caps and cool-downs, so they must too.

A plan asks of every held-out user what they would have got. Were their memory of contacts empty, no contact cap and no
cool-down would ever hold for them, and from the second plan on they would be asked for more than the others are given. So what
earlier plans withheld counts as contact, for this question and where both are compared: fatigue and habituation included,
behaviour as it really was.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import BoolArray
from simulations.panel import WeeklyPanel


def as_if_contacted(panel: WeeklyPanel, withheld: NDArray[np.int16], held: BoolArray) -> WeeklyPanel:
    """Return the panel with the withheld actions of held-out users as if they had been given.

    Parameters
    ----------
    withheld : (n_users, n_periods) int16 array
        Index of the action that was withheld that week; 0 or less for none.
    held : (n_users,) bool array
        Who is held out now. Somebody who no longer is has only the contacts that were made.

    Examples
    --------
    >>> from simulations.scenarios import tiny_panel
    >>> panel = tiny_panel()
    >>> withheld = np.zeros(panel.order_days.shape, dtype=np.int16)
    >>> withheld[1, 2] = 1
    >>> as_if_contacted(panel, withheld, np.array([False, True])).exposed(1)[1].nonzero()[0].tolist()
    [1, 2]
    """
    given = (withheld > 0) & held[:, None]
    bits = np.left_shift(np.uint32(1), np.maximum(withheld, 0).astype(np.uint32))
    return replace(panel, exposure_bits=np.where(given, panel.exposure_bits | bits, panel.exposure_bits))
