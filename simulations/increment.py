"""What one contact now is worth to each user: expected extra margin over the coming weeks, for every action at once.

For each user the coming weeks without any contact are a tree: in each week a purchase or none, each node reached with its
chance. At each node every action's shift is applied to the chance of buying in closed form, so that nothing needs to be drawn:

    direct(a, s) = [p(score + shift(a, s)) * exp(spend lift) - p(score)] * expected revenue of a buying week

The tree branches for `TREE_WEEKS` weeks; what an action does later is followed along one course from each leaf, the courses
spread evenly. An order on the way is a typical one. An extra order also makes later ones likelier, because the state remembers
it. How much so is measured once a simulator by twins (`simulations.carry_over`) and multiplies what a shifted chance brings.
The result is a function of the observation (or of the state): the same for the same user, whatever stands beside it. What a
contact costs later by opt-out is left to policies.

How unsure an action's response makes an increment follows to first order from the same tree (the delta method): the increment's
gradient by the action's coefficients and spend lift, with their covariance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulations.arrays import Float32Array, FloatArray
from simulations.features import column
from simulations.increment_kernel import course_of, increments_of
from simulations.kernel import SPEND_SPREAD, StateArrays
from simulations.response import N_BASIS, ResponseSet
from simulations.simulator import LifecycleSimulator
from simulations.spend_residuals import mean_among
from simulations.state import ALPHA_4, ALPHA_13, UserStates, V, new_users


@dataclass(frozen=True, slots=True, kw_only=True)
class Increments:
    """Expected consequences of one contact now and nothing after it, against nothing at all.

    Attributes
    ----------
    margin : (n_users, n_actions) float64 array
        Extra margin before action costs, in currency; column 0 (`none`) is 0.
    cost : (n_users, n_actions) float64 array
        Expected cost with redemptions, in currency.
    weeks : int
        Horizon.
    spread : (n_users, n_actions) float64 array or None
        Standard deviation of `margin` by what is unsure about the action's shift and spend lift, where it was asked for.
    """

    margin: FloatArray
    cost: FloatArray
    weeks: int
    spread: FloatArray | None = None

    @property
    def net(self) -> FloatArray:
        """(n_users, n_actions) extra margin net of action costs."""
        return self.margin - self.cost


def expected_increments(
    simulator: LifecycleSimulator, users: UserStates | Float32Array, *, weeks: int, unsure: ResponseSet | None = None
) -> Increments:
    """Return the increments of every action for some users.

    Parameters
    ----------
    users : UserStates or (n_users, N_FEATURES) array
        States, for which latents are at their posterior means; or observations, as a policy sees them, for which latents are
        zero and exposures to single actions unknown.
    weeks : int
        Horizon; the week of the contact counts.
    unsure : ResponseSet, optional
        With it the increments carry the spread that its covariances give them.
    """
    n_actions = len(simulator.actions)
    if isinstance(users, UserStates):
        states, latents = users.copy(), simulator.fit.latents.moments(users.user_keys)[0]
    else:
        states = states_from_observations(users, n_actions)
        latents = np.zeros((states.n_users, simulator.fit.latents.prior_sd.size), dtype=np.float32)
    carry = simulator.carry_over
    carried = np.zeros((carry.shares.shape[0], weeks), dtype=np.float64)
    reach = min(carry.shares.shape[1], weeks - 1)
    carried[:, 1 : reach + 1] = carry.shares[:, :reach]
    course = course_of(simulator.response, weeks)
    revenue = mean_among(simulator.fit.residuals, float(simulator.fit.latents.prior_sd[SPEND_SPREAD]))
    margin, redeemed, gradient = increments_of(
        StateArrays(
            states.user_keys, states.values, states.contact_bits, states.since_action, states.exposure_counts,
            latents, np.ones(states.n_users, dtype=np.bool_),
        ),
        simulator.behaviour, simulator.response, course, revenue, carry.edges, np.cumsum(carried, axis=1), weeks,
        with_gradient=unsure is not None,
    )  # fmt: skip
    cost = simulator.actions.costs + redeemed * simulator.actions.redemption_costs
    cost[:, 0] = 0.0
    spread = None if unsure is None else simulator.margin_share * _spread(gradient, unsure)
    return Increments(margin=simulator.margin_share * margin, cost=cost, weeks=weeks, spread=spread)


def _spread(gradient: FloatArray, responses: ResponseSet) -> FloatArray:
    """Return (n_users, n_actions) standard deviations from the gradients by each action's coefficients and spend lift."""
    spread = np.zeros(gradient.shape[:2], dtype=np.float64)
    for a, response in enumerate(responses.responses, start=1):
        covariance = np.zeros((N_BASIS + 1, N_BASIS + 1))
        covariance[:N_BASIS, :N_BASIS] = response.shift_covariance
        covariance[N_BASIS, N_BASIS] = response.spend_lift.sd**2
        spread[:, a] = np.sqrt(np.maximum(np.einsum("uk,kl,ul->u", gradient[:, a], covariance, gradient[:, a]), 0.0))
    return spread


def states_from_observations(observations: Float32Array, n_actions: int) -> UserStates:
    """Return states whose observation is the given one; what an observation does not show is as in new users."""
    n_users = observations.shape[0]
    states = new_users(np.zeros(n_users, dtype=np.uint64), n_actions)
    value = {name: observations[:, column(name)].astype(np.float64) for name in _INVERTED}
    weeks = np.maximum(value["tenure_weeks"], 1.0)
    seen_4 = np.maximum(1.0 - (1.0 - ALPHA_4) ** weeks, ALPHA_4)
    seen_13 = np.maximum(1.0 - (1.0 - ALPHA_13) ** weeks, ALPHA_13)
    columns = {
        V.TENURE: value["tenure_weeks"],
        V.RECENCY: value["recency_weeks"],
        V.ACTIVE_WEEKS: value["active_share"] * weeks,
        V.ORDER_DAYS: value["order_rate_all"] * weeks,
        V.REVENUE: value["order_rate_all"] * weeks * value["basket_value"],
        V.RATE_4: value["order_rate_4"] * seen_4,
        V.RATE_13: value["order_rate_13"] * seen_13,
        V.REVENUE_13: value["revenue_rate_13"] * seen_13,
        V.BASKET: value["basket_value"],
        V.GAP: (value["recency_weeks"] + 1.0) / np.maximum(value["gap_ratio"], 1e-3),
        V.CONTACT_STOCK: value["contact_stock"],
        V.REDEMPTION_STOCK: value["redemption_stock"],
        V.SATISFACTION: value["satisfaction"],
        V.OPEN_TICKET: value["open_ticket"],
    }
    for place, numbers in columns.items():
        states.values[:, place] = numbers
    since = observations[:, column("weeks_since_contact")].astype(np.int64)
    states.contact_bits[:] = np.where(
        since < 64, np.left_shift(np.uint64(1), np.minimum(since, 63).astype(np.uint64)), np.uint64(0)
    )
    return states


_INVERTED = (
    "recency_weeks",
    "tenure_weeks",
    "active_share",
    "order_rate_4",
    "order_rate_13",
    "order_rate_all",
    "basket_value",
    "revenue_rate_13",
    "gap_ratio",
    "contact_stock",
    "redemption_stock",
    "satisfaction",
    "open_ticket",
)
