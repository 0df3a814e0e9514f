"""What a simulation returns: a week's events, and the sums of many weeks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import BitArray, BoolArray, Float32Array, FloatArray
from simulations.kernel import (
    ACTIVE_WEEKS,
    CONTACTS,
    COST,
    DEATHS,
    MARGIN,
    OPT_OUTS,
    ORDER_DAYS,
    REDEMPTIONS,
    REVENUE,
    EventArrays,
)
from simulations.population import Population

if TYPE_CHECKING:
    import pandas as pd

_NAMES = {
    "margin": MARGIN,
    "revenue": REVENUE,
    "cost": COST,
    "order_days": ORDER_DAYS,
    "active_users": ACTIVE_WEEKS,
    "contacts": CONTACTS,
    "redemptions": REDEMPTIONS,
    "opt_outs": OPT_OUTS,
    "deaths": DEATHS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodEvents:
    """What users did in one week, (n_users,) each.

    Attributes
    ----------
    order_days : int16 array
        Business days with an order, 0 to 7.
    revenue, cost : float32 arrays
        In currency; `cost` holds contacts and redemptions.
    redeemed_bits : uint32 array
        Bit `a` is set where action `a` was redeemed.
    opted_out, died : bool arrays
        The user asked for no more contact; the user was lost for good, which nobody sees.
    """

    order_days: NDArray[np.int16]
    revenue: Float32Array
    redeemed_bits: BitArray
    cost: Float32Array
    opted_out: BoolArray
    died: BoolArray
    margin_share: float

    @property
    def redeemed(self) -> BoolArray:
        """(n_users,) True where anything was redeemed."""
        return np.asarray(self.redeemed_bits != 0, dtype=np.bool_)

    @property
    def margin(self) -> FloatArray:
        """(n_users,) margin before action costs, in currency."""
        return self.margin_share * self.revenue.astype(np.float64)

    @property
    def net_margin(self) -> FloatArray:
        """(n_users,) margin net of action costs, in currency."""
        return self.margin - self.cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """Sums over a rollout's weeks by user, and over its users by week.

    Attributes
    ----------
    totals : (n_users, N_TOTALS) float64 array
        Columns as `simulations.kernel` names them; the properties below read them.
    weekly : (n_weeks, N_TOTALS) float64 array
        The same, summed over users.
    retained : (n_users,) bool array
        Bought in the last weeks (8 unless asked otherwise).
    final : Population
        Where the users stand afterwards.
    events : EventArrays or None
        (n_users, n_weeks) arrays `order_days`, `revenue`, `redeemed_bits`, `cost`, `opted_out`, `died`, where asked for.
    """

    totals: FloatArray
    weekly: FloatArray
    retained: BoolArray
    final: Population
    events: EventArrays | None = None

    @property
    def margin(self) -> FloatArray:
        """(n_users,) margin before action costs, in currency."""
        return self.totals[:, MARGIN]

    @property
    def revenue(self) -> FloatArray:
        """(n_users,) revenue, in currency."""
        return self.totals[:, REVENUE]

    @property
    def cost(self) -> FloatArray:
        """(n_users,) cost of contacts and redemptions, in currency."""
        return self.totals[:, COST]

    @property
    def net_margin(self) -> FloatArray:
        """(n_users,) margin net of action costs, in currency."""
        return self.margin - self.cost

    @property
    def order_days(self) -> FloatArray:
        """(n_users,) order-days."""
        return self.totals[:, ORDER_DAYS]

    @property
    def contacts(self) -> FloatArray:
        """(n_users,) weeks with a contact."""
        return self.totals[:, CONTACTS]

    @property
    def redemptions(self) -> FloatArray:
        """(n_users,) redemptions."""
        return self.totals[:, REDEMPTIONS]

    @property
    def opted_out(self) -> BoolArray:
        """(n_users,) asked for no more contact during the rollout."""
        return self.totals[:, OPT_OUTS] > 0

    def weekly_frame(self) -> pd.DataFrame:
        """Return one row a week with the sums over users."""
        import pandas as pd

        frame = pd.DataFrame({name: self.weekly[:, place] for name, place in _NAMES.items()})
        frame.insert(0, "week", np.arange(len(frame)))
        return frame
