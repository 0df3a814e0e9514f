"""Numbers as people read them: counts, money, shares and intervals, with a dash where there is none.

A number shows as many decimals as its size deserves, a share never rounds to none or all of it, and a minus is a minus sign.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

MISSING = "–"
_MINUS = "−"


def is_missing(value: object) -> bool:
    """Say whether a cell holds nothing: None, nan, or pandas' empty values."""
    if value is None:
        return True
    if isinstance(value, str):
        return False
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # pandas' NA refuses to say whether it differs, an array says it many times
        return type(value).__name__ == "NAType"


def text(value: object) -> str:
    """Write anything as it is.

    Examples
    --------
    >>> text("coupon"), text(None), text(("a", "b"))
    ('coupon', '–', 'a; b')
    """
    if isinstance(value, (list, tuple)):
        return "; ".join(str(part) for part in value) or MISSING
    return MISSING if is_missing(value) else str(value)


def number(value: object, decimals: int | None = None, *, signed: bool = False) -> str:
    """Write a number, with thousands separated.

    Parameters
    ----------
    decimals : int, optional
        Left out, it follows from the size: see `decimals_for`.
    signed : bool
        Put a plus before numbers above zero.

    Examples
    --------
    >>> number(2469), number(-1234.5), number(0.01234), number(3.14159, signed=True)
    ('2,469', '−1,234', '0.0123', '+3.14')
    """
    if is_missing(value):
        return MISSING
    amount = float(value)  # type: ignore[arg-type]
    if math.isinf(amount):
        return "∞" if amount > 0 else f"{_MINUS}∞"
    places = decimals_for([amount]) if decimals is None else decimals
    digits = f"{abs(amount):,.{places}f}"
    if not any(sign in "123456789" for sign in digits):
        return digits
    return (_MINUS if amount < 0 else "+" if signed else "") + digits


def decimals_for(values: Iterable[object]) -> int:
    """Return how many decimals suit a column of numbers: none for whole or large ones, else so that three digits are left.

    Examples
    --------
    >>> decimals_for([1, 20]), decimals_for([0.5, 30.25]), decimals_for([512.25]), decimals_for([0.00412])
    (0, 2, 0, 5)
    """
    sizes = [abs(float(value)) for value in values if not is_missing(value) and math.isfinite(float(value))]  # type: ignore[arg-type]
    largest = max(sizes, default=0.0)
    if largest >= 100 or all(size.is_integer() for size in sizes):
        return 0
    return 2 if largest >= 1 else min(6, 2 - math.floor(math.log10(largest)))


def money(value: object, currency: str = "", decimals: int | None = None, *, signed: bool = False) -> str:
    """Write an amount: whole units from a hundred on, cents below.

    Examples
    --------
    >>> money(1234.56, "USD"), money(-0.5, "USD"), money(0.004), money(3.0)
    ('1,235 USD', '−0.50 USD', '0.004', '3.00')
    """
    if is_missing(value):
        return MISSING
    digits = number(value, money_decimals([value]) if decimals is None else decimals, signed=signed)
    return f"{digits} {currency}".rstrip()


def money_decimals(values: Iterable[object]) -> int:
    """Return how many decimals suit a column of amounts.

    Examples
    --------
    >>> money_decimals([1.0, 99.0]), money_decimals([250.5]), money_decimals([0.0, 0.004])
    (2, 0, 3)
    """
    sizes = [abs(float(value)) for value in values if not is_missing(value) and math.isfinite(float(value))]  # type: ignore[arg-type]
    largest = max(sizes, default=0.0)
    if largest >= 100:
        return 0
    return 2 if largest >= 0.01 or largest == 0 else min(6, -math.floor(math.log10(largest)))


def share(value: object, *, signed: bool = False) -> str:
    """Write a share of one in per cent; what is not none or all never reads 0% or 100%.

    Examples
    --------
    >>> share(0.123), share(0.0004), share(0.996), share(1.0), share(-0.034, signed=True)
    ('12%', '0.04%', '99.6%', '100%', '−3.4%')
    """
    if is_missing(value):
        return MISSING
    part = float(value)  # type: ignore[arg-type]
    if part == 0:
        return "0%"
    if 0 < part < 1e-4:
        return "below 0.01%"
    if 0.9999 < part < 1:
        return "above 99.99%"
    for places in (0, 1, 2):
        digits = f"{abs(part) * 100:.{places}f}"
        close_to_all = (places == 0 and 0.99 < part < 1) or (part < 1 and float(digits) == 100)
        if (abs(part) >= 0.1 / 10**places and not close_to_all) or places == 2:
            break
    return (_MINUS if part < 0 else "+" if signed else "") + digits + "%"


def points(part: object, *, signed: bool = False) -> str:
    """Write a difference of shares in percentage points.

    Examples
    --------
    >>> points(0.0123, signed=True), points(-0.2), points(None)
    ('+1.2 percentage points', '−20 percentage points', '–')
    """
    if is_missing(part):
        return MISSING
    hundredths = float(part) * 100.0  # type: ignore[arg-type]
    places = 0 if abs(hundredths) >= 10 else 1 if abs(hundredths) >= 1 else 2
    return f"{number(hundredths, places, signed=signed)} percentage points"


def interval(low: object, high: object, decimals: int | None = None) -> str:
    """Write two bounds with as many decimals each.

    Examples
    --------
    >>> interval(-40.2, 720), interval(0.5, 1.25), interval(None, 1.0)
    ('−40 to 720', '0.50 to 1.25', '–')
    """
    if is_missing(low) or is_missing(high):
        return MISSING
    places = money_decimals([low, high]) if decimals is None else decimals
    return f"{number(low, places)} to {number(high, places)}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> plural(1, "user"), plural(2469, "user"), plural(0, "loss", "losses")
    ('1 user', '2,469 users', '0 losses')
    """
    noun = one if count == 1 else many or f"{one}s"
    return f"{count:,} {noun}"


def listing(parts: Iterable[str]) -> str:
    """Join words as a sentence does.

    Examples
    --------
    >>> listing(["a", "b", "c"]), listing(["a"]), listing([])
    ('a, b and c', 'a', '')
    """
    words = list(parts)
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
