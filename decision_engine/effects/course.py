"""How much an estimated effect hangs on the course in time that the configuration assumes for it.

The data tell how large a shift of a given course is. Another course would make another size of the same purchases, and it is
the sum over the weeks that a plan is paid for. So the shift is estimated again with half and with twice the duration,
everything else as it is, and the sums are compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from decision_engine.effects.agreement import implied_orders
from decision_engine.effects.landmarks import Landmarks
from decision_engine.effects.nuisances import Nuisances
from decision_engine.effects.weekly_shift import Block, ShiftEquations
from simulations.response import ActionResponse, ResponseScale

LONGEST = 26  # weeks that a response may last


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherCourse:
    """What another duration would make of the effect.

    Attributes
    ----------
    duration_weeks : int
    ratio : float
        Extra order-days over the horizon, relative to those by the configured duration.
    """

    duration_weeks: int
    ratio: float


def other_courses(
    equations: ShiftEquations,
    blocks: Mapping[str, Block],
    response: ActionResponse,
    own: float,
    rows: Landmarks,
    nuisances: Nuisances,
    scale: ResponseScale,
) -> tuple[OtherCourse, ...]:
    """Return what half and twice the duration would make of an action's effect; nothing where there is no effect to compare.

    Parameters
    ----------
    own : float
        Extra order-days over the horizon that the shift by the configured duration implies (`implied_orders`).
    """
    if own == 0.0:
        return ()
    found = []
    half, twice = -(-response.duration_weeks // 2), min(2 * response.duration_weeks, LONGEST)
    for duration in sorted({half, twice} - {response.duration_weeks}):
        other = replace(response, duration_weeks=duration)
        again = equations.solve({**blocks, response.action: equations.block(other)})[response.action]
        ratio = implied_orders(equations.history, rows, nuisances, again, other, scale).estimate / own
        found.append(OtherCourse(duration_weeks=duration, ratio=ratio))
    return tuple(found)


def say_courses(response: ActionResponse, others: tuple[OtherCourse, ...]) -> str:
    """Say how the effect hangs on the assumed course.

    Examples
    --------
    >>> from simulations.response import Quantity
    >>> coupon = ActionResponse.uniform_shift("coupon", Quantity(mean=0.2), duration_weeks=4, decay=Quantity(mean=0.8))
    >>> say_courses(coupon, (OtherCourse(duration_weeks=2, ratio=0.7), OtherCourse(duration_weeks=8, ratio=1.6)))
    'its course in time is assumed (4 weeks, 0.8 left each week): 2 weeks make it 0.7 times as large, 8 weeks 1.6 times'
    """
    weeks = f"{response.duration_weeks} week{'' if response.duration_weeks == 1 else 's'}"
    words = f"its course in time is assumed ({weeks}, {response.decay.mean:g} left each week)"
    if not others:
        return words
    first, *rest = others
    told = [f"{first.duration_weeks} week{'' if first.duration_weeks == 1 else 's'} make it {first.ratio:.1f} times as large"]
    told += [f"{other.duration_weeks} weeks {other.ratio:.1f} times" for other in rest]
    return f"{words}: {', '.join(told)}"
