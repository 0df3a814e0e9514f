"""The first configuration, written by looking at files: YAML that `check` accepts, with what to fill in clearly marked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from decision_engine.config.load import load_config
from decision_engine.config.origin import Origin
from decision_engine.config.sources import SourceConfig
from decision_engine.history.columns import look_at, text_encoding
from decision_engine.history.draft import Choose, Drafter, Line, Sheet, TableDraft
from decision_engine.history.experiment import experiment_lines, find_experiment
from decision_engine.history.infer import guess_personal, guess_roles, name_parts
from decision_engine.history.ingest import read_history
from decision_engine.history.record import History
from decision_engine.history.sources import SourceReader
from simulations.errors import ConfigError

FILL_IN = "FILL IN"
_MOST_ACTIONS = 30


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

    written = _sources(files, path.parent)
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
    unused = [sheet.name for sheet in sheets if sheet.name not in used]

    def render(time: Sequence[str]) -> str:
        return "\n".join([*_head(path, unused, kept), *_tables(drafts, actions), *time, *_rest(actions)]) + "\n"

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(_time(date(2000, 1, 3), 2, "")), encoding="utf-8")
    try:
        history = read_history(load_config(path))
    except BaseException:
        path.unlink()
        raise
    text = render(_weeks(history))
    path.write_text(text, encoding="utf-8")
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


def _sources(files: Sequence[str], folder: Path) -> dict[str, dict[str, object]]:
    """Return each source as it will be written, by a name of its own."""
    found: dict[str, dict[str, object]] = {}
    for file in files:
        if "://" in file:
            for table in _database_tables(file):
                query = f'SELECT * FROM "{table}"'
                found[_free(table, found)] = {"database": file, "query": query}
            continue
        settings = SourceConfig(file=os.path.relpath(Path(file).expanduser().absolute(), folder.absolute()))
        paths = settings.paths(folder.absolute())
        if not paths:
            raise ConfigError(f"{file}: there is no such file.")
        written: dict[str, object] = {"file": settings.file}
        if settings.format_by_name(Path(str(paths[0]).removesuffix(".gz"))) == "csv" and paths[0].suffix not in (".gz", ".zip"):
            encoding = text_encoding(paths[0])
            if encoding != "utf-8":
                written["encoding"] = encoding
        found[_free(re.sub(r"\.(gz|zip|csv|tsv|txt|parquet|pq|jsonl?|ndjson|xlsx)\b", "", Path(file).name), found)] = written
    return found


def _database_tables(url: str) -> list[str]:
    """Return the names of a database's tables."""
    from decision_engine.history.databases import query_database

    name = "name" if url.startswith("sqlite") else "table_name"
    query = (
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
        if url.startswith("sqlite")
        else "SELECT table_name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema') "
        "ORDER BY table_name"
    )
    tables = [str(value) for value in query_database(url, query).column(name).to_pylist()]
    if not tables:
        raise ConfigError("the database holds no table.")
    return tables


def _free(name: str, taken: dict[str, dict[str, object]]) -> str:
    """Return a name that can be used in expressions and is not taken."""
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower() or "source"
    plain = plain if plain[0].isalpha() else f"s_{plain}"
    free, number = plain, 2
    while free in taken:
        free, number = f"{plain}_{number}", number + 1
    return free


def _sheet(reader: SourceReader, name: str, written: dict[str, object], choose: Choose) -> Sheet:
    source = reader.sources[name]
    looks = look_at(reader.connection, source)
    roles = guess_roles(looks)
    written = dict(written)
    money = roles.get("money", [])
    if money and looks[money[0].column].comma > 0.3 and looks[money[0].column].comma > looks[money[0].column].number * 0.3:
        written |= {"decimal": ",", "thousands": "."}
    times = roles.get("time", [])
    if times and (formats := looks[times[0].column].time_formats):
        options = [f"{form} as in {looks[times[0].column].frequent[0]}" for form in formats]
        chosen = choose(f"{name}: how is {times[0].column} written?", options) if len(formats) > 1 else 0
        written["time_formats"] = [formats[chosen]]
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


def _actions(reader: SourceReader, drafts: list[TableDraft]) -> dict[str, str]:
    """Return raw values of the action column and the names they get, the most frequent first."""
    names: dict[str, str] = {}
    for draft in drafts:
        if draft.table != "exposures":
            continue
        column, where = draft.lines["action"].expression, f"WHERE {draft.where}" if draft.where else ""
        rows = reader.connection.execute(
            f"SELECT trim(CAST({column} AS VARCHAR)) AS v FROM {draft.sheet.source.view} {where} "
            f"GROUP BY v HAVING v <> '' ORDER BY count(*) DESC, v LIMIT {_MOST_ACTIONS}"
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
        "# A first configuration, written by looking at the files. Numbers behind columns are confidences from 0 to 1.",
        f"# Lines marked {FILL_IN} hold placeholders that only you can replace; all others are guesses to be checked.",
    ]
    if unused:
        lines.append(f"# Looked at and not used: {', '.join(unused)}.")
    shop = " ".join(name_parts(path.parent.name if path.stem == "config" else path.stem)) or "shop"
    lines += [
        "",
        f"name: {_yaml(shop.capitalize())}",
        f"currency: USD # {FILL_IN}: the currency of all money",
        "",
        "sources:",
    ]
    lines += [f"  {sheet.name}: {_flow(sheet.written)}" for sheet in sheets]
    if any(sheet.personal for sheet in sheets):
        lines.append("  # `personal` columns never leave ingestion.")
    return [*lines, ""]


def _tables(drafts: list[TableDraft], actions: dict[str, str]) -> list[str]:
    lines = ["# Canonical column: SQL expression over the source's columns.", "tables:"]
    for table in dict.fromkeys(draft.table for draft in drafts):
        lines.append(f"  {table}:")
        for draft in (draft for draft in drafts if draft.table == table):
            lines += [f"    - source: {draft.sheet.name}"]
            if draft.joins:
                lines.append("      join:")
                lines += [f"        - {{source: {sheet.name}, on: [{_yaml(key)}], keep: first}}" for sheet, key in draft.joins]
            if draft.where:
                lines.append(f"      where: {_yaml(draft.where)}")
            lines.append("      columns:")
            lines += [f"        {name}: {_yaml(line.expression)}{_comment(line)}" for name, line in draft.lines.items()]
            if table == "exposures":
                lines += ["      values:", "        action:"]
                lines += [f"          {json.dumps(raw, ensure_ascii=False)}: {name}" for raw, name in actions.items()]
    return [*lines, ""]


def _comment(line: Line) -> str:
    parts = [f"{FILL_IN}: {line.fill_in}"] if line.fill_in else []
    if line.confidence is not None:
        parts.append(f"{line.confidence:.2f}")
    parts += [line.remark] if line.remark else []
    return f" # {'; '.join(parts)}" if parts else ""


def _time(first_day: date, n_weeks: int, remark: str) -> list[str]:
    fitting = max(1, min(n_weeks - 1, round(0.77 * n_weeks)))
    horizon = max(1, min(8, n_weeks - fitting))
    return [
        "time:",
        f"  first_day: {first_day.isoformat()}{remark}",
        "  business_day_starts_at: 0",
        f"  last_period: {n_weeks} # complete weeks",
        f"  last_fitting_period: {fitting} # the weeks after it judge",
        "",
        f"effect_horizon_weeks: {horizon}",
        f"policy_horizon_weeks: {max(horizon, min(13, n_weeks))}",
    ]


def _weeks(history: History) -> list[str]:
    """Return the lines about time: the weeks that the orders span, but for a handful of strays."""
    days = history.table("orders")["ordered_at"].dt.normalize()
    first, last = days.quantile(0.0005, "higher").date(), days.quantile(0.9995, "lower").date()
    n_weeks = max(2, ((last - first) + timedelta(days=1)).days // 7)
    strays = int(((days.dt.date < first) | (days.dt.date > last)).sum())
    remark = f" # {strays:,} orders lie outside the weeks" if strays else ""
    return _time(first, n_weeks, remark)


def _rest(actions: dict[str, str]) -> list[str]:
    lines = [
        "",
        f"margin_share: 0.25 # {FILL_IN}: margin as a share of revenue; 0.25 is a placeholder",
        "margin_source: assumed",
        "",
        "# What may be done; doing nothing always may. Where exposures do not identify an effect, its `response` stands.",
        "actions:",
    ]
    names = [name for name in dict.fromkeys(actions.values()) if name != "none"]
    effect = "estimated" if names else "assumed"
    for name in names or ["recommendation"]:
        lines += [
            f"  - name: {name}",
            f"    kind: {'coupon' if names else 'recommendation'} # {FILL_IN}: coupon, gift, recommendation or care",
            f"    channel: email # {FILL_IN}",
            f"    cost: 0.1 # {FILL_IN}: cost of one contact",
            f"    effect: {effect}",
            "    response: {purchase_lift: {mean: 0.05, sd: 0.1}, duration_weeks: 2}",
        ]
    return [*lines, "", "campaign:", f"  budget: 100 # {FILL_IN}: most the coming week's plan may cost", "  holdout_share: 0.1"]


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
