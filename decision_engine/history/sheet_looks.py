"""A source that was opened, looked at: what each column is like and may mean, and the settings by which it is read."""

from __future__ import annotations

from dataclasses import replace

from decision_engine.config.sources import SourceConfig
from decision_engine.history.column_finder import Choose
from decision_engine.history.columns import ColumnLook, look_at
from decision_engine.history.composed_times import with_composed_times
from decision_engine.history.guests import put_mail_first
from decision_engine.history.infer import Guess, guess_personal, guess_roles
from decision_engine.history.sheets import Sheet
from decision_engine.history.sources import SourceReader, quote
from decision_engine.history.unnamed import roles_by_values
from decision_engine.history.whole_ids import without_points


def times_of(sheet: Sheet) -> list[ColumnLook]:
    """Return the column that is most likely a sheet's time, if any is."""
    return [sheet.looks[guess.column] for guess in sheet.roles.get("time", [])[:1]]


def sheet_of(reader: SourceReader, name: str, written: dict[str, object], choose: Choose) -> Sheet:
    """Look at an open source.

    Parameters
    ----------
    written : dict
        Its settings so far.
    choose : callable
        Answers which of two ways a time is written in, where both fit.
    """
    source = reader.sources[name]
    looks = with_composed_times(reader.connection, source, look_at(reader.connection, source))
    roles = roles_by_values(looks) if source.settings.names else guess_roles(looks, name)
    looks |= without_points(reader.connection, source, looks, roles)
    written = dict(written)
    written |= _numbers(looks, roles)
    times = roles.get("time", [])
    if times and (look := looks[times[0].column]).time_formats:
        options = [f"{form} as in {look.frequent[0]}" for form in look.time_formats]
        chosen = choose(f"{name}: how is {look.name} written?", options) if len(options) > 1 else 0
        written["time_formats"] = [look.time_formats[chosen], *look.further_formats]
    personal = guess_personal(looks)
    if personal:
        written["personal"] = personal
    roles |= {"user": put_mail_first(looks, roles["user"], personal)} if "user" in roles else {}
    return Sheet(
        name=name,
        written=written,
        settings=SourceConfig.model_validate(written),
        source=replace(source, settings=SourceConfig.model_validate(written)),
        looks=looks,
        roles=roles,
        personal=tuple(personal),
    )


def _numbers(looks: dict[str, ColumnLook], roles: dict[str, list[Guess]]) -> dict[str, object]:
    """Return the settings by which a source's amounts are read.

    They hold for all its numbers. Where others are written with a decimal point, the amount is turned around by its expression
    instead.
    """
    money = roles.get("money", [])
    look = looks[money[0].column] if money else None
    if look is not None and look.grouped > 0.3:
        return {"thousands": ","}
    if look is None or not (look.comma > 0.3 and look.comma > look.number * 0.3):
        return {}
    others = {guesses[0].column for role, guesses in roles.items() if role not in ("money", "user", "order", "time")}
    pointed = [name for name in others - {look.name} if looks[name].number > 0.9 and _has_point(looks[name])]
    if pointed:
        plain = look.expression or quote(look.name)
        for sign in (look.thousands, "."):
            plain = f"replace({plain}, '{sign * (1 + (sign == chr(39)))}', '')" if sign else plain
        looks[look.name] = replace(look, expression=f"replace({plain}, ',', '.')", comma=0.0, number=look.number + look.comma)
        return {}
    return {"decimal": ",", "thousands": look.thousands or "."}


def _has_point(look: ColumnLook) -> bool:
    return any("." in value for value in look.frequent)
