"""Small named worlds with known answers, and a prior over worlds in which it pays to choose whom to treat how.

In a world of `draw_world` each action pulls strongly in its own direction of the response basis: what brings back a lapsed
user puts off a regular one. No single action does well for all, so a way of choosing can be told from a lucky average.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import numpy as np

from simulations.actions import Action, ActionKind, ActionSet
from simulations.arrays import FloatArray
from simulations.panel import Calendar, WeeklyPanel
from simulations.randomness import stream, user_keys

if TYPE_CHECKING:
    from simulations.behaviour import BehaviourFit
    from simulations.contact import ContactRules
    from simulations.response import ActionResponse, ResponseScale, ResponseSet
    from simulations.simulated_history import WorldHistory
    from simulations.simulator import LifecycleSimulator
    from simulations.state import UserStates

_QUANTILES = 65
_PRESENT_USERS = 2000  # with whom a world's response scale and carry-over are measured
_PRESENT_WEEKS = 20


def tiny_panel() -> WeeklyPanel:
    """Return two users over four weeks: one bought in two of them and was sent a coupon between, the other never bought.

    Examples
    --------
    >>> tiny_panel().order_days.tolist()
    [[2, 0, 0, 1], [0, 0, 0, 0]]
    """
    user_ids = np.array(["anna", "bert"], dtype=object)
    return WeeklyPanel(
        user_ids=user_ids,
        user_keys=user_keys(user_ids),
        order_days=np.array([[2, 0, 0, 1], [0, 0, 0, 0]], dtype=np.int16),
        revenue=np.array([[30.0, 0.0, 0.0, 12.0], [0.0, 0.0, 0.0, 0.0]], dtype=np.float32),
        exposure_bits=np.array([[0, 0, 2, 0], [0, 2, 0, 0]], dtype=np.uint32),
        redemptions=np.array([[0, 0, 0, 1], [0, 0, 0, 0]], dtype=np.int16),
        consent=np.ones(2, dtype=np.bool_),
        actions=ActionSet.of([Action(name="coupon", kind=ActionKind.COUPON, channel="mail", cost=0.5, cost_on_redemption=2.0)]),
        calendar=Calendar(first_day=date(2024, 1, 1), n_periods=4),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A world whose truth is known.

    Attributes
    ----------
    simulator : LifecycleSimulator
        The truth; its users' latents are pinned, so that a user is the same person under every seed.
    responses : ResponseSet
        The true responses, without spread.
    budget_per_user : float
        What may be spent a week, in currency for each user.
    """

    name: str
    simulator: LifecycleSimulator
    responses: ResponseSet
    budget_per_user: float

    @property
    def actions(self) -> ActionSet:
        """The actions, `none` first."""
        return self.simulator.actions

    @property
    def rules(self) -> ContactRules:
        """The contact rules."""
        return self.simulator.rules

    def budget(self, n_users: int) -> float:
        """Return what may be spent on `n_users` users in a week, in currency."""
        return self.budget_per_user * n_users

    def simulate_history(
        self, n_users: int, weeks: int, seed: int, *, logging: Literal["uniform", "confounded", "none"] = "uniform"
    ) -> WorldHistory:
        """Return what a retailer would have on file after some weeks; see `simulations.simulated_history`."""
        from simulations.simulated_history import simulate_history

        return simulate_history(self.simulator, n_users, weeks, seed, logging=logging)


def plain_behaviour(*, pinned_seed: int | None = None, hazard: float = 0.002, regularity: float = 0.0) -> BehaviourFit:
    """Return a behaviour set by hand: a shop where people buy every few weeks, and the longer they stay away the less.

    Parameters
    ----------
    regularity : float
        Added to everyone's log-odds of buying in a week.
    """
    from simulations.behaviour import BehaviourFit
    from simulations.heads import AdditiveHead, Binning
    from simulations.heterogeneity import Latents

    binning = Binning.even(
        {
            "recency_weeks": [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 26, 39],
            "order_rate_13": list(np.round(np.geomspace(0.03, 4.0, 28), 4)),
            "basket_value": list(np.round(np.geomspace(4.0, 200.0, 28), 2)),
        }
    )
    normal = NormalDist(0.0, 0.45)
    quantiles = [normal.inv_cdf(min(max(q, 0.005), 0.995)) for q in np.linspace(0.0, 1.0, _QUANTILES)]
    return BehaviourFit(
        purchase=AdditiveHead.from_curves(
            binning,
            -1.0 + regularity,
            {"recency_weeks": lambda x: -0.35 * np.log1p(x), "order_rate_13": lambda x: 0.9 * np.log1p(x)},
            "logit",
        ),
        days=AdditiveHead.from_curves(binning, -2.8, {"order_rate_13": lambda x: 0.6 * np.log1p(x)}, "logit"),
        spend=AdditiveHead.from_curves(binning, math.log(26.0), {}, "identity"),
        alive=AdditiveHead.from_curves(binning, 6.0, {"recency_weeks": lambda x: -0.2 * x}, "logit"),
        newcomer=-0.8,
        hazard=hazard,
        residuals=np.tile(np.array(quantiles), (4, 1)),
        latents=Latents.prior(np.array([0.6, 0.45, 0.0]), pinned_seed=pinned_seed),
    )


_PULLS: tuple[tuple[str, ActionKind, tuple[float, float, float]], ...] = (
    ("winback_coupon", ActionKind.COUPON, (1.0, -0.4, 0.0)),
    ("loyalty_gift", ActionKind.GIFT, (-0.9, 0.5, 0.1)),
    ("premium_care", ActionKind.CARE, (0.1, -0.3, 1.0)),
    ("bargain_coupon", ActionKind.COUPON, (0.0, 0.4, -1.0)),
    ("recommendation", ActionKind.RECOMMENDATION, (-0.5, -0.8, 0.2)),
)


def draw_world(seed: int) -> World:
    """Draw a world from the prior: three to five actions, each pulling its own way across recency, rate and basket value.

    The pulls' directions are those of `_PULLS`, turned a little; their length is 0.35 to 0.6 log-odds for one standard
    deviation of the basis, the common part is normal about 0.05.
    """
    from simulations.carry_over import measure_carry_over
    from simulations.contact import ContactRules
    from simulations.response import ResponseSet
    from simulations.simulator import LifecycleSimulator

    rng = stream(seed, "world")
    picked = sorted(rng.choice(len(_PULLS), size=int(rng.integers(3, 6)), replace=False))
    actions = ActionSet.of([_draw_action(_PULLS[k][0], _PULLS[k][1], rng) for k in picked])
    responses = tuple(_draw_response(_PULLS[k][0], _PULLS[k][1], np.array(_PULLS[k][2]), rng) for k in picked)
    behaviour = plain_behaviour(pinned_seed=seed, regularity=float(rng.normal(0.0, 0.2)))
    scale, present = _present(behaviour, seed, len(actions))
    response_set = ResponseSet(scale=scale, responses=responses)
    simulator = LifecycleSimulator(
        fit=behaviour,
        response=response_set.centre(),
        actions=actions,
        rules=ContactRules(max_contacts=2, window_weeks=4),
        margin_share=0.3,
    )
    return World(
        name=f"world {seed}",
        simulator=replace(simulator, carry_over=measure_carry_over(simulator, present, seed=seed)),
        responses=response_set,
        budget_per_user=float(rng.uniform(0.1, 0.2)),
    )


def _draw_action(name: str, kind: ActionKind, rng: np.random.Generator) -> Action:
    cost = float(np.round(rng.uniform(0.25, 0.6), 2))
    redeemed = float(np.round(rng.uniform(0.5, 1.5), 2)) if kind is ActionKind.COUPON else 0.0
    return Action(name=name, kind=kind, channel="mail", cost=cost, cost_on_redemption=redeemed, cool_down_weeks=1)


def _draw_response(name: str, kind: ActionKind, pull: FloatArray, rng: np.random.Generator) -> ActionResponse:
    from simulations.response import N_BASIS, ActionResponse, Quantity, Source

    direction = pull + rng.normal(0.0, 0.15, pull.size)
    coefficients = np.concatenate([[rng.normal(0.05, 0.08)], direction / np.linalg.norm(direction) * rng.uniform(0.35, 0.6)])

    def fixed(mean: float) -> Quantity:
        return Quantity(mean=mean, source=Source.FIXED)

    return ActionResponse(
        action=name,
        shift_mean=coefficients,
        shift_covariance=np.zeros((N_BASIS, N_BASIS)),
        shift_source=Source.FIXED,
        duration_weeks=int(rng.integers(2, 5)),
        decay=fixed(float(rng.uniform(0.6, 0.9))),
        redemption=fixed(0.15 if kind is ActionKind.COUPON else 0.0),
        habituation=fixed(0.05),
        fatigue=fixed(0.02),
        pull_forward=fixed(0.05),
        opt_out=fixed(0.001),
    )


def _present(behaviour: BehaviourFit, seed: int, n_actions: int) -> tuple[ResponseScale, UserStates]:
    """Live some users until the shop is in its stride; return the scale of the response basis there, and the users."""
    from simulations.contact import ContactRules
    from simulations.features import observe
    from simulations.response import N_BASIS, ResponseArrays, ResponseScale
    from simulations.simulator import LifecycleSimulator
    from simulations.state import V, new_users

    nothing = np.zeros(1)
    still = ResponseArrays(
        centre=np.zeros(N_BASIS),
        spread=np.ones(N_BASIS),
        coefficients=np.zeros((1, N_BASIS)),
        duration=np.zeros(1, dtype=np.int64),
        decay=nothing,
        spend_lift=nothing,
        redemption=nothing,
        habituation=nothing,
        fatigue=nothing,
        pull_forward=nothing,
        opt_out=nothing,
    )
    simulator = LifecycleSimulator(fit=behaviour, response=still, actions=ActionSet(), rules=ContactRules(), margin_share=1.0)
    start = new_users(user_keys(f"present {k}" for k in range(_PRESENT_USERS)), n_actions)
    states = simulator.rollout(start, weeks=_PRESENT_WEEKS, seed=seed).final.states
    states = states.take(states.values[:, V.TENURE] > 0)
    return ResponseScale.fit(observe(states)), states
