"""Guests: values of a user column that stand for nobody, such as the 0 of orders that were made without an account."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from decision_engine.history.columns import ColumnLook
from decision_engine.history.infer import Guess

_NOBODY = re.compile(
    r"0+|-1|-|9{5,}|nan|n/?a|null|none|nobody|guest|unknown|anonymous|anon|not ?set|\(not set\)|gast|unbekannt|anonym|invite|"
    r"inconnu|invitado|desconocido|anonimo|cash|walk-?in|游客|匿名",
    re.IGNORECASE,
)
_SHARE = 0.005  # of rows, from which on such a value is taken for more than one odd id
_MANY = 0.02  # of rows, from which on guests should be told apart
_EVERYBODY = 0.95  # of rows with an address
_OFTEN = 2  # times as frequent as the busiest user


def put_mail_first(looks: Mapping[str, ColumnLook], users: Sequence[Guess], personal: Sequence[str]) -> list[Guess]:
    """Return the guesses of who the user is, a column of mail addresses first where the best one leaves many rows to guests."""
    if not users:
        return []
    best = looks[users[0].column]
    counts = dict(zip(best.frequent, best.counts, strict=True))
    nobody = sum(counts[value] for value in guests_among(best)) / max(sum(best.counts), 1)
    share = 1.0 - best.filled * (1.0 - nobody)
    mails = [
        name for name in personal if looks[name].filled > _EVERYBODY and all("@" in value for value in looks[name].frequent)
    ]
    if share < _MANY or not mails or users[0].column in mails:
        return list(users)
    mail = Guess(role="user", column=mails[0], confidence=users[0].confidence)
    return [mail, *(guess for guess in users if guess.column != mails[0])]


def guests_among(look: ColumnLook) -> tuple[str, ...]:
    """Return the values that name nobody and stand in more rows than one user's could.

    A value counts where it is written like one for nobody and is many times as frequent as the most frequent other.
    """
    total = sum(look.counts)
    counts = dict(zip(look.frequent, look.counts, strict=True))
    found = [value for value in look.frequent if _NOBODY.fullmatch(value.strip())]
    others = max((count for value, count in counts.items() if value not in found), default=0)
    return tuple(value for value in found if counts[value] > max(_SHARE * total, _OFTEN * others))
