"""Arms of an experiment that stand in files of their own, or are named in another file.

A testing team often exports one list for those who got the mail and one for those who did not. Such lists have the same columns
and none that says who got what: the names of the files say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import duckdb

from decision_engine.history.arms import plain_arm
from decision_engine.history.columns import ColumnLook
from decision_engine.history.infer import name_parts
from decision_engine.history.sheets import UNIQUE, Sheet
from decision_engine.history.sources import literal, quote

_CONTROLS = ("control", "ctrl", "kontroll", "holdout", "heldout", "untreated", "placebo", "témoin", "temoin", "对照")
_ALIKE = 0.8  # share of columns in common from which on two files are parts of one table
_NAMES = ("group", "arm", "given")  # what the treatment may be called, the first that no column has


def arms_apart(sheets: Sequence[Sheet]) -> tuple[Sheet, dict[str, str]] | None:
    """Return the sheet of the control group with a column of arms added, and each sheet's arm; None where there are none.

    Parameters
    ----------
    sheets : sequence of Sheet
        All that were opened.

    Returns
    -------
    tuple of Sheet and dict, or None
        The arms are raw values, by the names of the sheets; the control group's is `control`.
    """
    for sheet in sheets:
        if not _is_control(sheet.name) or not _is_of_people(sheet):
            continue
        alike = [one for one in sheets if one is not sheet and _is_of_people(one) and _share_in_common(one, sheet) >= _ALIKE]
        if not alike or any(_is_control(one.name) for one in alike):
            continue
        arms = {sheet.name: "control"} | dict(zip([one.name for one in alike], _told_apart(sheet, alike), strict=True))
        return _with_arms(sheet, [sheet, *alike], arms), arms
    return None


def _is_control(name: str) -> bool:
    return any(part.startswith(_CONTROLS) for part in name_parts(name))


def _is_of_people(sheet: Sheet) -> bool:
    """Whether a file has a row a user, and neither times nor orders."""
    users = sheet.roles.get("user", [])
    return bool(users) and sheet.is_key(users[0].column) and not {"time", "order"} & sheet.roles.keys()


def _share_in_common(one: Sheet, other: Sheet) -> float:
    mine, theirs = set(one.looks), set(other.looks)
    return len(mine & theirs) / len(mine | theirs)


def _told_apart(control: Sheet, others: Sequence[Sheet]) -> list[str]:
    """Return what the names of the others say beyond the words that all names share."""
    every = [name_parts(sheet.name) for sheet in (control, *others)]
    shared = set(every[0]).intersection(*every[1:])
    return [" ".join(part for part in name_parts(sheet.name) if part not in shared) or sheet.name for sheet in others]


def _with_arms(sheet: Sheet, parts: Sequence[Sheet], arms: dict[str, str]) -> Sheet:
    name = next(name for name in (*_NAMES, *(f"arm_{k}" for k in range(len(sheet.looks) + 1))) if name not in sheet.looks)
    sizes = [part.source.n_rows for part in parts]
    look = ColumnLook(
        name=name, type="VARCHAR", expression=literal(arms[sheet.name]), filled=1.0, distinct=len(parts) / max(sum(sizes), 1),
        n_distinct=len(parts), number=0.0, comma=0.0, time=0.0, time_formats=(), low=None, high=None, length=8.0,
        frequent=tuple(arms[part.name] for part in parts), counts=tuple(sizes),
    )  # fmt: skip
    return replace(sheet, looks={**sheet.looks, name: look})


def named_elsewhere(
    connection: duckdb.DuckDBPyConnection, treatment: ColumnLook, others: Sequence[Sheet]
) -> dict[str, tuple[str, str]]:
    """Return for each raw arm the name that a file of arms gives it, and the file; empty where no file lists just the arms."""
    arms = {plain_arm(value) for value in treatment.frequent}
    for sheet in others:
        if not 2 <= sheet.source.n_rows <= len(arms) + 2:
            continue
        for key, look in sheet.looks.items():
            named = [
                name for name, one in sheet.looks.items()
                if name != key and one.number < 0.5 and one.distinct > UNIQUE and one.filled > UNIQUE
            ]  # fmt: skip
            if not named or not arms <= {plain_arm(value) for value in look.frequent}:
                continue
            rows = connection.execute(
                f"SELECT CAST({quote(key)} AS VARCHAR), CAST({quote(named[0])} AS VARCHAR) FROM {sheet.source.view}"
            ).fetchall()
            by_arm = {plain_arm(value): name for value, name in rows}
            return {value: (by_arm[plain_arm(value)], sheet.name) for value in treatment.frequent}
    return {}
