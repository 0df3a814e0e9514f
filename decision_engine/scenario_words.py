"""What people write of a scenario, read: a change, a season, a promotion, a new action; nonsense is refused in words."""

from __future__ import annotations

import math
import re

from pydantic import ValidationError

from decision_engine.config.models import ActionConfig
from simulations.errors import InputError
from simulations.outlook import Span

_CHANGE = re.compile(r"(?P<sign>[+-])(?P<number>[0-9]+(?:\.[0-9]+)?) ?%")
AS_BEFORE = "as before"
AMOUNT = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_NEW = re.compile(r"(?P<name>[^:]+):(?P<settings>.*)", re.DOTALL)
_NEW_EXAMPLE = "'sms: cost 0.05, lift 0.1, sd 0.05, weeks 2'"
_WEEKS = r"weeks? (?P<first>[0-9]{1,4})(?:\s*(?:-|to)\s*(?P<last>[0-9]{1,4}))?"
_SEASON = re.compile(rf"(?P<change>.+?) in {_WEEKS}")
_PROMOTION = re.compile(rf"{_WEEKS}\s*:(?P<changes>.*)", re.DOTALL)
_MOST = 9.0  # as a share: ten times as much


def read_change(option: str, text: str) -> float:
    """Read a change such as "+5%" as a share.

    Examples
    --------
    >>> read_change("--prices", "+5%"), read_change("--season", "-12.5 %")
    (0.05, -0.125)
    """
    found = _CHANGE.fullmatch(text.strip())
    if found is None:
        raise InputError(f"{option} {text}: a change with its sign and a percent sign is wanted, such as +5% or -30%.")
    share = float(f"{found['sign']}{found['number']}") / 100.0
    if share <= -1.0:
        raise InputError(f"{option} {text}: more than everything cannot be taken away.")
    if share > _MOST:
        raise InputError(f"{option} {text}: more than ten times as much is no scenario; name a smaller change.")
    return share


def check_budget(text: str) -> str:
    """Return a budget as it was written, if it is an amount or a change."""
    if text and not AMOUNT.fullmatch(text):
        read_change("--budget", text)
    return text


def check_elasticity(value: float) -> float:
    """Return an elasticity, if it is a number that prices may have."""
    if not -20.0 <= value <= 0.0:
        raise InputError(
            f"--elasticity {value:g}: wanted is a number from -20 to 0; with -1, prices one percent higher make the odds one "
            "percent lower."
        )
    return value


def check_newcomers(text: str) -> str:
    """Return how many are to arrive as it was written, if it is a number, a change or "as before"."""
    plain = " ".join(text.lower().split())
    if not plain or plain == AS_BEFORE or AMOUNT.fullmatch(plain):
        return plain
    if not _CHANGE.fullmatch(plain):
        raise InputError(f"--newcomers {text}: wanted is '{AS_BEFORE}', a change such as +50%, or a number a week such as 120.")
    read_change("--newcomers", plain)
    return plain


def check_drift(value: float) -> float:
    """Return the size of a week's step, if it is one."""
    if not 0.0 <= value <= 1.0:
        raise InputError(f"--drift {value:g}: wanted is the size of a week's step in log-odds, from 0 to 1, such as 0.05.")
    return value


def read_season(text: str) -> Span | float:
    """Read a season: a change of all weeks, or of some, such as "+20% in weeks 3-6".

    Examples
    --------
    >>> read_season("+20%")
    0.2
    >>> read_season("+20% in weeks 3-6")
    Span(first=2, last=5, buying=0.1823..., spending=0.0)
    """
    found = _SEASON.fullmatch(text.strip())
    if found is None:
        return read_change("--season", text)
    first, last = _weeks("--season", text, found)
    return Span(first=first, last=last, buying=math.log1p(read_change("--season", found["change"])))


def read_promotion(text: str) -> Span:
    """Read a promotion such as "weeks 3-4: odds +20%, baskets -5%"; one of the two may be left out.

    Examples
    --------
    >>> read_promotion("week 3: baskets -5%")
    Span(first=2, last=2, buying=0.0, spending=-0.0512...)
    """
    wrong = f"--promotion {text!r}: wanted are weeks and what they bring, such as 'weeks 3-4: odds +20%, baskets -5%'"
    found = _PROMOTION.fullmatch(text.strip())
    if found is None:
        raise InputError(f"{wrong}.")
    moved: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in found["changes"].split(","))):
        what, _, change = part.partition(" ")
        if what not in ("odds", "baskets") or what in moved:
            raise InputError(f"{wrong}; {part!r} is neither odds nor baskets with a change, or is said twice.")
        moved[what] = math.log1p(read_change(f"--promotion {what}", change.strip()))
    if not moved:
        raise InputError(f"{wrong}; nothing is changed.")
    first, last = _weeks("--promotion", text, found)
    return Span(first=first, last=last, buying=moved.get("odds", 0.0), spending=moved.get("baskets", 0.0))


def _weeks(option: str, text: str, found: re.Match[str]) -> tuple[int, int]:
    first, last = int(found["first"]), int(found["last"] or found["first"])
    if not 1 <= first <= last:
        raise InputError(
            f"{option} {text!r}: weeks {first} to {last} are none; they are counted from 1, the first simulated week."
        )
    return first - 1, last - 1


def read_action(text: str) -> ActionConfig:
    """Read a new action such as "sms: cost 0.05, lift 0.1, sd 0.05, weeks 2".

    Raises
    ------
    InputError
        If it is written otherwise, or a number cannot be.
    """
    found = _NEW.fullmatch(text.strip())
    wrong = f"--new-action {text!r}: wanted is a name and what it is thought to do, such as {_NEW_EXAMPLE}"
    if found is None:
        raise InputError(f"{wrong}.")
    settings: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in found["settings"].split(","))):
        key, _, value = part.partition(" ")
        if key not in ("cost", "lift", "sd", "weeks", "kind", "channel") or not value.strip():
            raise InputError(f"{wrong}; {part!r} is none of cost, lift, sd, weeks, kind and channel with a value.")
        settings[key] = value.strip()
    if missing := [key for key in ("cost", "lift") if key not in settings]:
        raise InputError(f"{wrong}; {missing[0]} is missing.")
    try:
        return ActionConfig.model_validate(
            {
                "name": found["name"].strip(),
                "kind": settings.get("kind", "recommendation"),
                "channel": settings.get("channel", "email"),
                "cost": settings["cost"],
                "effect": "assumed",
                "response": {
                    "purchase_lift": {"mean": settings["lift"], "sd": settings.get("sd", "0")},
                    "duration_weeks": settings.get("weeks", "2"),
                },
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{wrong}; {'.'.join(str(part) for part in first['loc'])}: {first['msg']}.") from None
