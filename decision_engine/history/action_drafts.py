"""Actions as a first configuration declares them: named by a log's values, and by the file that describes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from decision_engine.history.infer import name_parts
from decision_engine.history.rounds import MOST_ACTIONS
from decision_engine.history.sheets import Sheet, TableDraft, rows_of
from decision_engine.history.sources import quote

_NOTHING = frozenset({"none", "control", "no", "no e-mail", "no email", "nothing"})
_KINDS = {
    "coupon": (
        "coupon",
        "discount",
        "voucher",
        "bogo",
        "rebate",
        "gutschein",
        "rabatt",
        "promo",
        "cashback",
        "sale",
        "percent",
    ),
    "gift": ("gift", "geschenk", "sample", "freebie", "present"),
    "recommendation": ("recommend", "inform", "newsletter", "catalog", "katalog", "empfehl", "teaser", "news"),
    "care": ("care", "service", "call", "survey", "apolog", "support"),
}
_TITLES = ("name", "title", "type", "kind", "label", "typ", "art")
_CHANNELS = ("channel", "medium", "kanal")
_MOST_DESCRIBED = 200  # rows of a file that describes actions
_DESCRIBED = 0.9  # share of a log's actions that such a file must know
_LONGEST = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDraft:
    """An action in the making.

    Attributes
    ----------
    raw : str
        How the log writes it.
    kind, channel : str or None
        As far as a file tells; None where nothing does.
    description : str
        What else that file says of it.
    told_by : str
        The source that tells; empty where none does.
    """

    raw: str
    name: str
    kind: str | None = None
    channel: str | None = None
    description: str = ""
    told_by: str = ""


def draft_actions(
    connection: duckdb.DuckDBPyConnection, sheets: Sequence[Sheet], drafts: Sequence[TableDraft]
) -> tuple[ActionDraft, ...]:
    """Return the actions behind the values of the contacts' action column, the most frequent first."""
    found: list[ActionDraft] = []
    for draft in drafts:
        if draft.table != "exposures":
            continue
        column, where = draft.lines["action"].expression, f"WHERE {draft.where.expression}" if draft.where else ""
        rows = connection.execute(
            f"SELECT trim(CAST(({column}) AS VARCHAR)) AS v FROM {rows_of(draft)} {where} "
            f"GROUP BY v HAVING v <> '' ORDER BY count(*) DESC, v LIMIT {MOST_ACTIONS}"
        ).fetchall()
        raws = [raw for (raw,) in rows]
        catalogue = _catalogue(connection, sheets, draft, raws)
        for raw in raws:
            told = _told(*catalogue, raw) if catalogue is not None else ActionDraft(raw=raw, name="")
            name = _name(raw, told.name or None, column, {one.name for one in found})
            found.append(replace(told, name=name))
    return tuple(found)


def _name(raw: str, title: str | None, column: str, taken: set[str]) -> str:
    """Return an action's name: letters, digits, `_` and `-`, a letter first, none twice."""
    if raw.lower() in _NOTHING:
        return "none"
    is_hash = re.fullmatch(r"[0-9a-f]{20,}", raw) is not None  # a hash says nothing; its beginning is name enough
    plain = f"{title or name_parts(column)[0]}_{raw[:8]}" if is_hash else f"{title}_{raw}" if title and raw.isdigit() else raw
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_-").lower()[:24]
    plain = plain if plain and plain[0].isalpha() else f"action_{plain}"
    while plain in taken:
        plain += "_"
    return plain


def _catalogue(
    connection: duckdb.DuckDBPyConnection, sheets: Sequence[Sheet], draft: TableDraft, raws: Sequence[str]
) -> tuple[Sheet, dict[str, dict[str, str]]] | None:
    """Return the sheet that has a row for each action, and those rows by action; None where there is none."""
    for sheet in sheets:
        if sheet in draft.sheets:
            continue
        for key in sheet.looks:
            if not sheet.is_key(key) or sheet.looks[key].n_distinct > _MOST_DESCRIBED or key not in sheet.source.columns:
                continue
            names = [name for name in sheet.source.columns if name != key and name not in sheet.personal]
            chosen = ", ".join(f"trim(CAST({quote(name)} AS VARCHAR))" for name in [key, *names])
            rows = connection.execute(f"SELECT {chosen} FROM {sheet.source.view}").fetchall()
            known = {row[0]: {name: text for name, text in zip(names, row[1:], strict=True) if text} for row in rows}
            if raws and sum(raw in known for raw in raws) >= _DESCRIBED * len(raws):
                return sheet, known
    return None


def _told(sheet: Sheet, rows: dict[str, dict[str, str]], raw: str) -> ActionDraft:
    row = rows.get(raw, {})
    title = next((text for name, text in row.items() if set(_TITLES) & set(name_parts(name)) and not _is_number(text)), "")
    channels = next((text for name, text in row.items() if any(part.startswith(_CHANNELS) for part in name_parts(name))), "")
    words = " ".join(row.values()).lower()
    return ActionDraft(
        raw=raw,
        name=title,
        kind=next((kind for kind, stems in _KINDS.items() if any(stem in words for stem in stems)), None),
        channel=re.split(r"[|,;/]", channels)[0].strip(" []'\"").lower() or None,
        description=", ".join(f"{' '.join(name_parts(name))} {text}" for name, text in row.items())[:_LONGEST],
        told_by=sheet.name if row else "",
    )


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9.]+", text) is not None
