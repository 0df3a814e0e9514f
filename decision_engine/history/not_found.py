"""Why a source has no column for what every order needs, as far as its columns let it be told."""

from __future__ import annotations

import re

from decision_engine.history.infer import name_parts
from decision_engine.history.sheets import Sheet

WANTED = {
    "user": "who (a user, customer or member)",
    "time": "when (a date or time)",
    "money": "for how much (an amount)",
}
_FEWEST_PERIODS = 4
_PERIOD = re.compile(
    r"((kw|cw|week|wk|w|woche|semana|semaine|settimana|month|monat|mes|mois|m|q)[ _.\-]?\d{1,2}([ _./\-]?\d{2,4})?"
    r"|\d{4}[ _./\-]?(w|kw|q|m)?[ _./\-]?\d{1,2}([ _./\-]\d{1,2})?|\d{1,2}[._/\-]\d{4}|\d{1,2}[._/\-]\d{1,2}[._/\-]\d{2,4}"
    r"|(jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-z]*[ _.\-]?(\d{2,4})?)",
    re.IGNORECASE,
)


def why_not_found(sheet: Sheet, role: str) -> str:
    """Say what no column of a sheet says, and why where that can be told."""
    told = f"{sheet.name}: no column says {WANTED[role]}"
    if role != "time":
        return told
    if both := next((look for look in sheet.looks.values() if look.contradicting), None):
        first, second = both.time_formats[0], both.contradicting[0]
        return (
            f"{told}: {both.name} is written {first} in some rows and {second} in others, so that what a day such as "
            f"{both.frequent[0]} means cannot be told. Have it written in one way, or map it and say "
            f"`time_formats: ['{first}']` for the source: rows of the other way are then set aside or misread"
        )
    gap = next((name for name in sheet.looks if {"days", "since"} <= set(name_parts(name))), None)
    if gap is not None:
        return f"{told}; {gap} counts the days from one order to the next: add them up to a day of each order"
    periods = [name for name in sheet.looks if _PERIOD.fullmatch(name.strip())]
    if len(periods) >= _FEWEST_PERIODS:
        return (
            f"{told}: {len(periods)} columns look like weeks, months or days ({periods[0]} to {periods[-1]}). Write the table "
            "lengthwise, one row for each user and period with its first day and its amount, and leave out the empty ones"
        )
    users = sheet.roles.get("user", [])
    if users and sheet.is_key(users[0].column):
        return (
            f"{told}, and each {users[0].column} stands in one row: it tells about people, not what they did and when. "
            "A history needs their orders with dates; an experiment needs a column that says who was given what"
        )
    return told
