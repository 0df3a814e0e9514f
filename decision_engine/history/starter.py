"""The first configuration, written by looking at files: YAML that `check` accepts, with what to fill in clearly marked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from secrets import token_hex

from decision_engine.config.load import load_config
from decision_engine.config.origin import Origin
from decision_engine.config.placeholders import FILL_IN
from decision_engine.config.schema import config_schema_json
from decision_engine.config.sources import SourceConfig
from decision_engine.history.candidates import find_sources
from decision_engine.history.columns import CURRENCIES, ColumnLook, look_at
from decision_engine.history.draft import Choose, Drafter
from decision_engine.history.experiment import experiment_lines, find_experiment
from decision_engine.history.infer import Guess, guess_personal, guess_roles, name_parts
from decision_engine.history.ingest import read_history
from decision_engine.history.record import History
from decision_engine.history.rounds import MOST_ACTIONS
from decision_engine.history.sheets import Line, Sheet, TableDraft
from decision_engine.history.sources import SourceReader, quote

KEY_VARIABLE = "DECISION_ENGINE_PSEUDONYM_KEY"
SCHEMA_FILE = "configuration.schema.json"
_CODES = ("USD", "EUR", "GBP", "CHF", "BRL", "JPY", "CNY", "INR", "SEK", "PLN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Starter:
    """A first configuration.

    Attributes
    ----------
    text : str
        The YAML document.
    to_fill_in : tuple of str
        Its lines that only a person can answer.
    decisions : tuple of str
        What was decided where guesses were close.
    """

    text: str
    to_fill_in: tuple[str, ...]
    decisions: tuple[str, ...]


def write_starter(files: Sequence[str], path: Path, ask: Choose | None = None) -> Starter:
    """Look at files and database URLs, and write a configuration that reads them.

    Parameters
    ----------
    files : sequence of str
        Paths, patterns, or URLs such as sqlite:///shop.db.
    path : Path
        Of the configuration to write.
    ask : callable, optional
        Answers a question with the number of an option; without it the best guess stands.

    Raises
    ------
    ConfigError, HistoryError
        If a file cannot be read, or none holds orders.
    """
    decisions: list[str] = []

    def choose(question: str, options: Sequence[str]) -> int:
        chosen = ask(question, options) if ask is not None else 0
        decisions.append(f"{question} {options[chosen]}, before {', '.join(o for k, o in enumerate(options) if k != chosen)}")
        return chosen

    written = find_sources(files, path.parent)
    with SourceReader({name: SourceConfig.model_validate(s) for name, s in written.items()}, Origin(path=path)) as reader:
        sheets = [_sheet(reader, name, settings, choose) for name, settings in written.items()]
        experiment = find_experiment(sheets, choose)
        if experiment is not None:
            head = _head(path, [sheet.name for sheet in sheets if sheet is not experiment.sheet], [experiment.sheet])
            return _write_experiment(path, "\n".join([*head, *experiment_lines(experiment, FILL_IN)]) + "\n", decisions)
        drafts = Drafter(reader.connection, sheets, choose).draft()
        actions = _actions(reader, drafts)
    used = {sheet.name for draft in drafts for sheet in draft.sheets}
    kept = [sheet for sheet in sheets if sheet.name in used]
    is_of_rounds = any(draft.is_of_rounds for draft in drafts)
    unused = [sheet.name for sheet in sheets if sheet.name not in used]

    def render(time: Sequence[str]) -> str:
        return "\n".join([*_head(path, unused, kept), *_tables(drafts, actions), *time, *_rest(actions, is_of_rounds)]) + "\n"

    zone = any(look.offset > 0.5 or look.epoch for sheet in kept for look in _times(sheet))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(_time(date(2000, 1, 3), 2, "", zone)), encoding="utf-8")
    try:
        config = load_config(path)
        with _some_key(config.privacy.pseudonym_key):
            history = read_history(config)
    except BaseException:
        path.unlink()
        raise
    text = render(_weeks(history, zone))
    path.write_text(text, encoding="utf-8")
    (path.parent / SCHEMA_FILE).write_text(config_schema_json(), encoding="utf-8")
    load_config(path)
    return _starter(text, decisions)


def _write_experiment(path: Path, text: str, decisions: list[str]) -> Starter:
    """Write the configuration of an experiment, and read it once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    try:
        read_history(load_config(path))
    except BaseException:
        path.unlink()
        raise
    return _starter(text, decisions)


def _starter(text: str, decisions: list[str]) -> Starter:
    marked = tuple(line.strip() for line in text.splitlines() if FILL_IN in line and not line.startswith("#"))
    return Starter(text=text, to_fill_in=marked, decisions=tuple(dict.fromkeys(decisions)))


@contextmanager
def _some_key(variable: str | None) -> Iterator[None]:
    """Give pseudonyms a key while the weeks are read off, where none is set yet; nothing made with it is kept."""
    if variable is None or variable in os.environ:
        yield
        return
    os.environ[variable] = token_hex(32)
    try:
        yield
    finally:
        del os.environ[variable]


def _times(sheet: Sheet) -> list[ColumnLook]:
    return [sheet.looks[guess.column] for guess in sheet.roles.get("time", [])[:1]]


def _sheet(reader: SourceReader, name: str, written: dict[str, object], choose: Choose) -> Sheet:
    source = reader.sources[name]
    looks = look_at(reader.connection, source)
    roles = guess_roles(looks)
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
        looks[look.name] = replace(look, expression=f"replace({plain}, ',', '.')")
        return {}
    return {"decimal": ",", "thousands": look.thousands or "."}


def _has_point(look: ColumnLook) -> bool:
    return any("." in value for value in look.frequent)


def _actions(reader: SourceReader, drafts: list[TableDraft]) -> dict[str, str]:
    """Return raw values of the action column and the names they get, the most frequent first."""
    names: dict[str, str] = {}
    for draft in drafts:
        if draft.table != "exposures":
            continue
        column, where = draft.lines["action"].expression, f"WHERE {draft.where}" if draft.where else ""
        rows = reader.connection.execute(
            f"SELECT trim(CAST(({column}) AS VARCHAR)) AS v FROM {draft.sheet.source.view} {where} "
            f"GROUP BY v HAVING v <> '' ORDER BY count(*) DESC, v LIMIT {MOST_ACTIONS}"
        ).fetchall()
        for (raw,) in rows:
            plain = re.sub(r"[^A-Za-z0-9_-]+", "_", raw).strip("_-").lower()[:24]
            if re.fullmatch(r"[0-9a-f]{20,}", raw):  # a hash says nothing; its beginning is name enough
                plain = f"{name_parts(column)[0]}_{raw[:8]}"
            plain = plain if plain and plain[0].isalpha() else f"action_{plain}"
            if raw.lower() in ("none", "control", "no", "no e-mail", "no email", "nothing"):
                plain = "none"
            while plain != "none" and plain in names.values():
                plain += "_"
            names[raw] = plain
    return names


def _head(path: Path, unused: list[str], sheets: list[Sheet]) -> list[str]:
    lines = [
        f"# yaml-language-server: $schema=./{SCHEMA_FILE}",
        "# A first configuration, written by looking at the files. Numbers behind columns are confidences from 0 to 1.",
        f"# Lines marked {FILL_IN} hold placeholders that only you can replace; all others are guesses to be checked.",
    ]
    if unused:
        lines.append(f"# Looked at and not used: {', '.join(unused)}.")
    shop = " ".join(name_parts(path.parent.name if path.stem == "config" else path.stem)) or "shop"
    lines += [
        "",
        f"name: {_yaml(shop.capitalize())}",
        _currency(sheets),
        *_privacy(sheets),
        "",
        "sources:",
    ]
    lines += [f"  {sheet.name}: {_flow(sheet.written)}" for sheet in sheets]
    return [*lines, ""]


def _currency(sheets: list[Sheet]) -> str:
    """Return the line of the currency: read off signs beside amounts or the names of their columns, else to be filled in."""
    for sheet in sheets:
        for guess in sheet.roles.get("money", [])[:1]:
            sign = sheet.looks[guess.column].sign
            named = [part.upper() for part in name_parts(guess.column) if part.upper() in _CODES]
            if sign or named:
                found = CURRENCIES.get(sign, sign) if sign else named[0]
                return f"currency: {found} # as {guess.column} says"
        for look in sheet.looks.values():
            if look.n_distinct == 1 and look.frequent[0] in _CODES:
                return f"currency: {look.frequent[0]} # as {look.name} says"
    return f"currency: USD # {FILL_IN}: the currency of all money"


def _privacy(sheets: list[Sheet]) -> list[str]:
    """Return the lines about pseudonyms: in force where a user's id itself is personal, else a proposal where anything is."""
    if any(_is_named_by_personal(sheet) for sheet in sheets):
        told = "# user ids are personal here: users become keyed hashes; put a key of 16 or more signs into this variable"
        return [told, f"privacy: {{pseudonym_key: {KEY_VARIABLE}}}"]
    if not any(sheet.personal for sheet in sheets):
        return []
    return [
        "# `personal` columns, below, never leave ingestion. To turn user ids into keyed hashes too, put a key of 16 or more",
        "# signs into an environment variable, and take the mark before the next line away:",
        f"# privacy: {{pseudonym_key: {KEY_VARIABLE}}}",
    ]


def _is_named_by_personal(sheet: Sheet) -> bool:
    users = sheet.roles.get("user", [])
    return bool(users) and users[0].column in sheet.personal


def _tables(drafts: list[TableDraft], actions: dict[str, str]) -> list[str]:
    lines = ["# Canonical column: SQL expression over the source's columns.", "tables:"]
    for table in dict.fromkeys(draft.table for draft in drafts):
        lines.append(f"  {table}:")
        for draft in (draft for draft in drafts if draft.table == table):
            lines += [f"    - source: {draft.sheet.name}"]
            if draft.joins:
                lines.append("      join:")
                lines += [
                    f"        - {{source: {to.name}, on: {_on(here, there)}, keep: first}}" for to, here, there in draft.joins
                ]
            if draft.where:
                lines.append(f"      where: {_yaml(draft.where)}")
            lines.append("      columns:")
            lines += [f"        {name}: {_yaml(line.expression)}{_comment(line)}" for name, line in draft.lines.items()]
            if table == "exposures":
                lines += ["      values:", "        action:"]
                lines += [f"          {json.dumps(raw, ensure_ascii=False)}: {name}" for raw, name in actions.items()]
    return [*lines, ""]


def _on(here: str, there: str) -> str:
    return f"[{_yaml(here)}]" if here == there else f"{{{_yaml(here)}: {_yaml(there)}}}"


def _comment(line: Line) -> str:
    parts = [f"{FILL_IN}: {line.fill_in}"] if line.fill_in else []
    if line.confidence is not None:
        parts.append(f"{line.confidence:.2f}")
    parts += [line.remark] if line.remark else []
    return f" # {'; '.join(parts)}" if parts else ""


def _time(first_day: date, n_weeks: int, remark: str, zone: bool) -> list[str]:
    fitting = max(1, min(n_weeks - 1, round(0.77 * n_weeks)))
    horizon = max(1, min(8, n_weeks - fitting))
    return [
        "time:",
        f"  first_day: {first_day.isoformat()}{remark}",
        *(
            [f"  time_zone: UTC # {FILL_IN}: the shop's zone, such as Europe/Berlin; times tell how far they are from UTC"]
            * zone
        ),
        "  business_day_starts_at: 0",
        f"  last_period: {n_weeks} # complete weeks",
        f"  last_fitting_period: {fitting} # the weeks after it judge",
        "",
        f"effect_horizon_weeks: {horizon}",
        f"policy_horizon_weeks: {max(horizon, min(13, n_weeks))}",
    ]


def _weeks(history: History, zone: bool) -> list[str]:
    """Return the lines about time: the weeks that the orders span, but for a handful of strays."""
    days = history.table("orders")["ordered_at"].dt.normalize()
    first, last = days.quantile(0.0005, "higher").date(), days.quantile(0.9995, "lower").date()
    n_weeks = max(2, ((last - first) + timedelta(days=1)).days // 7)
    strays = int(((days.dt.date < first) | (days.dt.date > last)).sum())
    remark = f" # {strays:,} orders lie outside the weeks" if strays else ""
    return _time(first, n_weeks, remark, zone)


def _rest(actions: dict[str, str], is_of_rounds: bool) -> list[str]:
    """Return the lines that only a person can answer, with placeholders; a round's outcome is money, and its action is free."""
    share = "1.0" if is_of_rounds else "0.25"
    lines = [
        "",
        f"margin_share: {share} # {FILL_IN}: margin as a share of revenue; {share} is a placeholder",
        "margin_source: assumed",
        "",
        "# What may be done; doing nothing always may. Where exposures do not identify an effect, its `response` stands.",
        "actions:",
    ]
    names = [name for name in dict.fromkeys(actions.values()) if name != "none"]
    kind = "coupon" if names and not is_of_rounds else "recommendation"
    cost, budget = (0, 0) if is_of_rounds else (0.1, 100)
    for name in names or ["recommendation"]:
        lines += [
            f"  - name: {name}",
            f"    kind: {kind} # {FILL_IN}: coupon, gift, recommendation or care",
            f"    channel: {'shop' if is_of_rounds else 'email'} # {FILL_IN}: how the user is reached",
            f"    cost: {cost} # {FILL_IN}: cost of one contact",
            f"    effect: {'estimated' if names else 'assumed'}",
            "    response: {purchase_lift: {mean: 0.05, sd: 0.1}, duration_weeks: 2}",
        ]
    holdout = "0" if is_of_rounds else "0.1"
    return [
        *lines,
        "",
        "campaign:",
        f"  budget: {budget} # {FILL_IN}: most the coming week's plan may cost",
        f"  holdout_share: {holdout}",
    ]


def _flow(settings: dict[str, object]) -> str:
    parts = [
        f"{key}: [{', '.join(_yaml(str(v)) for v in value)}]" if isinstance(value, list) else f"{key}: {_yaml(str(value))}"
        for key, value in settings.items()
    ]
    return "{" + ", ".join(parts) + "}"


def _yaml(text: str) -> str:
    """Write a text as YAML, quoted where it is not plain."""
    return (
        text
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_ ./()-]*[A-Za-z0-9_)]|[A-Za-z_]", text)
        else json.dumps(text, ensure_ascii=False)
    )
