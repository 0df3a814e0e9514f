"""The effect in the simulator's own shape: how a contact shifts the log-odds of buying in the weeks in which it is at work.

In week t a contact of action a is at work with strength z (1 in the week of contact, `decay` a week later, ..., and less by
habituation; negative during pull-forward), as `simulations.response` defines it. With the basis g of a response,

    log-odds of buying = baseline(x) + sum over actions of (coefficients_a . g(x)) z_a

A learner predicts the week's purchase r(x) from behaviour alone (nothing about contacts), another the strength m_a(x) to be
expected; both are cross-fitted by user. The coefficients solve

    sum over user-weeks of (z_a - m_a) g_k (bought - logistic(logit r + sum_b (z_b - m_b) (coefficients_b . g))) = 0,

the logistic form of regressing what is left on what is left: an error in r is orthogonal to z - m, one in m is harmless where
r is right (Liu, Zhang and Cai, 2021, Econometrics Journal 24(3)). All actions are solved for at once, because contacts overlap;
every week in which a contact is at work informs, and no week in which it is not adds noise. The covariance is the sandwich,
clustered by user. What a contact does through the purchases it causes is the simulator's to add, so it is conditioned on here.

Where the log records how likely each contact was, behaviour need not explain who was contacted. Then z_a - m_a in front is
replaced by an instrument made of the decisions alone: in the week of a decision ``1/p`` where the action was taken, ``-1/p``
where nothing was, times the week's ``share (1 - share)``; in the weeks after, the same times the strength that is left. Given
all that came before, its mean is zero whoever is contacted, by the record: a reason that no behaviour shows does no harm.

Differences between users are then shrunk towards none by as much as their own noise demands (normal prior with a variance from
the data: Morris, 1983, JASA 78(381)), so that a small history yields no fantasy about whom to target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from decision_engine.effects.landmarks import UserWeeks, closed_to
from decision_engine.effects.learners import cluster_sums
from decision_engine.effects.nuisances import cross_fit, row_folds
from simulations.arrays import Float32Array, FloatArray, IntArray
from simulations.features import column
from simulations.response import N_BASIS, ActionResponse, ResponseScale

BEHAVIOUR = tuple(
    column(name)
    for name in (
        "recency_weeks",
        "tenure_weeks",
        "active_share",
        "order_rate_4",
        "order_rate_13",
        "order_rate_all",
        "basket_value",
        "revenue_rate_13",
        "gap_ratio",
    )
)
_N_FOLDS = 3
_MOST_ROWS = 80_000  # this model stands in every week's equation, so it learns from more rows than others
_STEPS = 12  # of Newton; far more than needed
_LARGEST = 3.0  # no coefficient leaves [-3, 3] while solving: a log-odds shift of three is a factor of twenty


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyShift:
    """One action's coefficients.

    Attributes
    ----------
    mean, covariance : (N_BASIS,) and (N_BASIS, N_BASIS) arrays
        After shrinkage; log-odds of buying in a week a unit of each basis term, at the week of contact.
    raw_mean, raw_covariance : arrays of the same shapes
        Before it.
    heterogeneity : float
        Standard deviation of the prior of the terms beside the constant; 0 where the data show no difference between users.
    """

    mean: FloatArray
    covariance: FloatArray
    raw_mean: FloatArray
    raw_covariance: FloatArray
    heterogeneity: float


def contact_strength(history: UserWeeks, action: int, response: ActionResponse) -> FloatArray:
    """Return (n_users, n_periods): the strength z with which the action is at work, the week of contact included."""
    exposed = history.panel.exposed(action)
    before = history.since[:, :, action].astype(np.int64)
    since = np.where(exposed, 0, np.where(before < 254, before + 1, before))
    return np.append(course(response), 0.0)[np.minimum(since, 2 * response.duration_weeks)] * _habit(history, action, response)


def course(response: ActionResponse) -> FloatArray:
    """Return (2 * duration,): the strength 0, 1, ... weeks after a contact, without habituation; afterwards it is 0.

    Examples
    --------
    >>> from simulations.response import Quantity
    >>> once = ActionResponse.uniform_shift("coupon", Quantity(mean=0.2), duration_weeks=2, decay=Quantity(mean=0.5))
    >>> course(once).tolist()
    [1.0, 0.5, -0.0, -0.0]
    """
    left = response.decay.mean ** np.arange(response.duration_weeks)
    return np.concatenate([left, -response.pull_forward.mean * left])


def _habit(history: UserWeeks, action: int, response: ActionResponse) -> FloatArray:
    """Return (n_users, n_periods): what earlier exposures leave of the latest one's strength."""
    earlier = np.maximum(history.counts[:, :, action].astype(np.int64) + history.panel.exposed(action) - 1, 0)
    return np.asarray(np.exp(-response.habituation.mean * earlier))


def recorded_instrument(history: UserWeeks, action: int, response: ActionResponse) -> FloatArray | None:
    """Return (n_users, n_periods): the decisions of the record as an instrument for the strength, see the module's docstring.

    None where not every contact with the action is recorded, or nobody is on record as left alone.
    """
    panel = history.panel
    exposed = panel.exposed(action) & history.known
    recorded = np.isfinite(history.recorded)
    alone = (panel.exposure_bits == 0) & recorded & history.known & ~closed_to(history, action)
    alone &= exposed.any(axis=0)
    if not exposed.any() or not alone.any() or not recorded[exposed].all():
        return None
    share = exposed.sum(axis=0) / np.maximum(exposed.sum(axis=0) + alone.sum(axis=0), 1)
    chance = np.where(recorded, history.recorded, 1.0)
    decided = share * (1.0 - share) * np.where(exposed, 1.0 / chance, np.where(alone, -1.0 / chance, 0.0))
    decided *= np.exp(-response.habituation.mean * history.counts[:, :, action])
    instrument = np.zeros(decided.shape)
    for lag, left in enumerate(course(response)[: panel.n_periods]):
        instrument[:, lag:] += left * decided[:, : panel.n_periods - lag]
    return instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One action's part of the equations: (n_rows, N_BASIS) regressors and instruments."""

    regressors: FloatArray
    instruments: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftEquations:
    """The user-weeks whose purchases the shifts are read from, laid out once for all actions and all courses in time.

    Attributes
    ----------
    users, weeks : (n_rows,) int64 arrays
        User-weeks of users who had bought before.
    behaviour : (n_rows, n_features) float32 array
        What contacts and purchases are expected from.
    bought, offset : (n_rows,) arrays
        Whether the user bought that week, and the log-odds that behaviour gives it.
    basis : (n_rows, N_BASIS) array
        Of a response.
    """

    history: UserWeeks
    users: IntArray
    weeks: IntArray
    behaviour: Float32Array
    folds: IntArray
    bought: FloatArray
    offset: FloatArray
    basis: FloatArray
    seed: int

    @classmethod
    def of(cls, history: UserWeeks, scale: ResponseScale, *, seed: int) -> ShiftEquations:
        """Learn what behaviour alone says of each week's purchase."""
        users, weeks = np.nonzero(history.known)
        observations = history.observations[users, weeks]
        behaviour = np.column_stack([observations[:, BEHAVIOUR], weeks]).astype(np.float32)
        folds = row_folds(users, seed, _N_FOLDS)
        bought = (history.panel.order_days[users, weeks] > 0).astype(np.float64)
        chance = np.clip(
            cross_fit(behaviour, bought, folds, seed=seed, binary=True, n_trees=80, n_leaves=20, most_rows=_MOST_ROWS),
            1e-3,
            1 - 1e-3,
        )
        return cls(
            history=history, users=users, weeks=weeks, behaviour=behaviour, folds=folds, bought=bought,
            offset=np.log(chance / (1.0 - chance)), basis=scale.basis(observations), seed=seed,
        )  # fmt: skip

    def block(self, response: ActionResponse) -> Block:
        """Return the part of the action that the response is of, with the response's course in time."""
        action = self.history.panel.actions.index(response.action)
        strength = contact_strength(self.history, action, response)[self.users, self.weeks]
        expected = cross_fit(self.behaviour, strength, self.folds, seed=self.seed, n_trees=30, most_rows=_MOST_ROWS)
        left = (strength - expected)[:, None] * self.basis
        decided = recorded_instrument(self.history, action, response)
        instruments = left if decided is None else decided[self.users, self.weeks][:, None] * self.basis
        return Block(regressors=left, instruments=instruments)

    def solve(self, blocks: Mapping[str, Block]) -> dict[str, WeeklyShift]:
        """Return the shifts of all actions at once."""
        regressors = np.column_stack([block.regressors for block in blocks.values()])
        instruments = np.column_stack([block.instruments for block in blocks.values()])
        means, covariance = _solve(regressors, instruments, self.bought, self.offset, self.users)
        places = {name: slice(k * N_BASIS, (k + 1) * N_BASIS) for k, name in enumerate(blocks)}
        return {name: shrunk(means[place], covariance[place, place]) for name, place in places.items()}


def given_responses(history: UserWeeks, responses: Iterable[ActionResponse]) -> dict[str, ActionResponse]:
    """Return the responses to actions that users who had bought before were given, by name, in the order of the actions."""
    panel = history.panel
    known = {response.action: response for response in responses}
    return {
        name: known[name]
        for index, name in enumerate(panel.actions.names)
        if name in known and panel.exposed(index).any() and history.known.any()
    }


def estimate_shifts(
    history: UserWeeks, responses: Mapping[str, ActionResponse], scale: ResponseScale, *, seed: int
) -> dict[str, WeeklyShift]:
    """Return the shift of each action that was ever given, by name.

    Parameters
    ----------
    responses : mapping from action to its configured response
        Duration, decay, habituation and pull-forward are taken from it; the coefficients are estimated.
    """
    given = given_responses(history, responses.values())
    if not given:
        return {}
    equations = ShiftEquations.of(history, scale, seed=seed)
    return equations.solve({name: equations.block(response) for name, response in given.items()})


def _solve(
    regressors: FloatArray, instruments: FloatArray, bought: FloatArray, offset: FloatArray, users: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return the coefficients that leave instruments and residuals uncorrelated, and their covariance clustered by user.

    With the regressors as their own instruments this is logistic regression with an offset.
    """
    coefficients = np.zeros(regressors.shape[1])
    ridge = 1e-6 * np.eye(coefficients.size)
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-(offset + regressors @ coefficients)))
        slope = (instruments * (chance * (1.0 - chance))[:, None]).T @ regressors + ridge
        step = np.linalg.solve(slope, instruments.T @ (bought - chance))
        coefficients = np.clip(coefficients + step, -_LARGEST, _LARGEST)
        if np.abs(step).max() < 1e-8:
            break
    chance = 1.0 / (1.0 + np.exp(-(offset + regressors @ coefficients)))
    bread = np.linalg.inv((instruments * (chance * (1.0 - chance))[:, None]).T @ regressors + ridge)
    scores = cluster_sums(instruments * (bought - chance)[:, None], users)
    return coefficients, bread @ (scores.T @ scores) @ bread.T


def shrunk(mean: FloatArray, covariance: FloatArray) -> WeeklyShift:
    """Shrink the terms beside the constant towards zero by a normal prior whose variance maximises the likelihood.

    Examples
    --------
    >>> shift = shrunk(np.array([0.5, 0.01, -0.01, 0.0]), 0.04 * np.eye(4))
    >>> shift.heterogeneity, shift.mean.tolist()
    (0.0, [0.5, 0.0, 0.0, 0.0])
    """
    terms, noise = mean[1:], covariance[1:, 1:]
    grid = np.concatenate([[0.0], np.geomspace(0.01, 2.0, 60)])
    likelihoods = [_log_likelihood(terms, noise + spread**2 * np.eye(terms.size)) for spread in grid]
    spread = float(grid[int(np.argmax(likelihoods))])
    if spread == 0.0:
        posterior, covariance_after = np.zeros_like(mean), np.zeros_like(covariance)
        pull = covariance[0, 1:] @ np.linalg.inv(noise)
        posterior[0] = mean[0] - pull @ terms  # the constant, given that the other terms are zero
        covariance_after[0, 0] = covariance[0, 0] - pull @ covariance[1:, 0]
    else:
        information = np.linalg.inv(covariance)
        prior = np.diag([0.0, *np.full(terms.size, spread**-2)])
        covariance_after = np.linalg.inv(information + prior)
        posterior = covariance_after @ information @ mean
    return WeeklyShift(
        mean=posterior, covariance=covariance_after, raw_mean=mean, raw_covariance=covariance, heterogeneity=spread
    )


def _log_likelihood(terms: FloatArray, covariance: FloatArray) -> float:
    _, log_determinant = np.linalg.slogdet(covariance)
    return float(-0.5 * (log_determinant + terms @ np.linalg.solve(covariance, terms)))
