"""Binding: does every expression of every mapping fit its sources' columns? Asked before the first row is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import duckdb

from decision_engine.config.findings import Finding, suggest
from decision_engine.config.models import Config, JoinConfig, TableMapping
from decision_engine.config.origin import Place
from decision_engine.history.databases import first_line
from decision_engine.history.mapping import BoundMapping, from_clause
from decision_engine.history.privacy import columns_read, identifying_columns, key_path, personal_columns
from decision_engine.history.sheets import identifier
from decision_engine.history.sources import ROW, OpenSource, quote
from simulations.tables import CANONICAL_TABLES

_VOLATILE = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability = 'VOLATILE' AND function_name <> 'error'"
_CALL = re.compile(r"([a-z_][a-z_0-9]*)\s*\(")


def bind_mappings(
    connection: duckdb.DuckDBPyConnection,
    config: Config,
    sources: dict[str, OpenSource],
    pseudonym_key: bytes | None = None,
) -> tuple[list[BoundMapping], list[Finding]]:
    """Bind every expression of every mapping to its sources' columns.

    Returns
    -------
    bound : list of BoundMapping
        Mappings whose base source is there.
    findings : list of Finding
        Unknown columns, unknown functions, and whatever else is no expression over the sources.
    """
    bound: list[BoundMapping] = []
    findings: list[Finding] = []
    for name, mappings in config.tables.mapped().items():
        for index, written in enumerate(mappings):
            if sources[written.source].absent:
                continue
            mapping = _names_quoted(connection, written, sources)
            place: Place = ("tables", name, index)
            wrong = list(_check_joins(connection, mapping, sources, place, withheld=pseudonym_key is not None))
            hashed: frozenset[str] = frozenset()
            types: dict[str, str] = {}
            if not wrong:
                types, wrong = _bind_columns(connection, mapping, sources, place)
                wrong = [_where_it_was_named(finding, config) for finding in wrong]
                if not wrong:
                    wrong = list(_check_personal(connection, mapping, sources, place, pseudonym_key))
                if not wrong and pseudonym_key is not None:
                    hashed, wrong = _check_given_away(connection, mapping, sources, place)
            findings += wrong
            bound.append(
                BoundMapping(
                    config=config,
                    table=CANONICAL_TABLES[name],
                    index=index,
                    mapping=mapping,
                    sources=sources,
                    types=types,
                    pseudonym_key=pseudonym_key,
                    hashed=hashed,
                )
            )
    return bound, findings


def _names_quoted(connection: duckdb.DuckDBPyConnection, mapping: TableMapping, sources: dict[str, OpenSource]) -> TableMapping:
    """Quote expressions that are no more than the name of a column, where SQL would read a word of its own, or several."""
    used = [sources[mapping.source], *(sources[join.source] for join in mapping.join)]
    known = {column.lower(): column for source in used for column in source.columns}
    columns = {
        name: identifier(connection, known[plain]) if (plain := sql.strip().lower()) in known and not _is_value(plain) else sql
        for name, sql in mapping.columns.items()
    }
    return mapping if columns == mapping.columns else mapping.model_copy(update={"columns": columns})


def _is_value(text: str) -> bool:
    return text in ("null", "true", "false") or not any(sign.isalpha() for sign in text)


def _where_it_was_named(finding: Finding, config: Config) -> Finding:
    """Point at an experiment's outcome or covariate where it was named, if its column was not mapped but taken by its name."""
    name = finding.place[-1]
    if config.experiment is None or config.origin.locate(finding.place)[0][-1:] == (name,):
        return finding
    for key, names in (("outcomes", config.experiment.outcomes), ("covariates", config.experiment.covariates)):
        if name in names:
            problem = finding.problem.partition("; a text is written")[0]
            return replace(finding, place=("experiment", key, names.index(str(name))), problem=problem)
    return finding


def _check_joins(
    connection: duckdb.DuckDBPyConnection,
    mapping: TableMapping,
    sources: dict[str, OpenSource],
    place: Place,
    *,
    withheld: bool,
) -> list[Finding]:
    findings: list[Finding] = []
    here = list(sources[mapping.source].columns)
    for number, join in enumerate(mapping.join):
        there, where = sources[join.source], (*place, "join", number)
        if there.absent:
            problem = f"source {there.name!r} is optional and absent, but this join needs it"
            findings.append(
                Finding(place=(*where, "source"), problem=problem, remedy=f"provide {there.file}, or take the join out")
            )
            continue
        wrong = [
            Finding(place=(*where, "on", left), problem=f"{owner} has no column {column!r}", remedy=suggest(column, columns))
            for left, right in join.on.items()
            for column, columns, owner in ((left, here, "the row"), (right, list(there.columns), f"source {there.name!r}"))
            if column not in columns
        ]
        if join.order_by is not None:
            answer = _bind(connection, f"SELECT {ROW}, ({join.order_by}\n) FROM {there.view}", list(there.columns))
            if isinstance(answer, tuple):
                wrong.append(Finding(place=(*where, "order_by"), problem=answer[0], remedy=answer[1]))
        if join.keep == "only" and not wrong:
            wrong += _check_partners(connection, join, there, where, withheld=withheld)
        findings += wrong
        here += [column for column in there.columns if column not in join.on.values()]
    return findings


def _check_partners(
    connection: duckdb.DuckDBPyConnection, join: JoinConfig, there: OpenSource, place: Place, *, withheld: bool
) -> Iterator[Finding]:
    """Refuse a source that holds a key twice where only one partner may be: rows would multiply.

    A key may be somebody's id: where ids or the source's columns are not to be seen, the message names none.
    """
    keys = ", ".join(quote(key) for key in join.on.values())
    several = f"SELECT {keys}, count(*) AS n FROM {there.view} GROUP BY {keys} HAVING n > 1"
    (n_keys,) = connection.sql(f"SELECT count(*) FROM ({several})").fetchall()[0]
    if n_keys:
        *first, n = connection.sql(f"{several} ORDER BY ALL LIMIT 1").fetchall()[0]
        named = ", ".join(f"{key} {value}" for key, value in zip(join.on.values(), first, strict=True))
        if withheld or set(join.on.values()) & set(there.settings.personal):
            named = f"one (withheld) in {', '.join(join.on.values())}"
        yield Finding(
            place=(*place, "keep"),
            problem=f"source {there.name!r} holds {n_keys:,} keys more than once, for example {named} {n} times",
            remedy="say which one counts: `keep: first` or `keep: last`, with `order_by`",
        )


def _bind_columns(
    connection: duckdb.DuckDBPyConnection, mapping: TableMapping, sources: dict[str, OpenSource], place: Place
) -> tuple[dict[str, str], list[Finding]]:
    types: dict[str, str] = {}
    findings: list[Finding] = []
    clause, row = from_clause(mapping, sources), f"{quote(mapping.source)}.{ROW}"
    used = [sources[mapping.source], *(sources[join.source] for join in mapping.join)]
    known = list(dict.fromkeys(column for source in used for column in source.columns))
    expressions: list[tuple[Place, str]] = [((*place, "columns", name), sql) for name, sql in mapping.columns.items()]
    for key, condition in (("where", mapping.where), ("returns", mapping.returns)):
        if condition is not None:
            expressions.append(((*place, key), f"CAST(({condition}\n) AS BOOLEAN)"))
    for where, expression in expressions:
        called = set(_CALL.findall(expression.lower()))
        drawn = sorted(called & _volatile(connection)) if called else []
        if drawn:
            findings.append(
                Finding(
                    place=where,
                    problem=f"{drawn[0]}() gives another value each time, so that no history could be read twice",
                    remedy="derive a value from the row, for example with hash(...)",
                )
            )
            continue
        answer = _bind(connection, f"SELECT {row}, ({expression}\n) FROM {clause}", known)
        if isinstance(answer, tuple):
            findings.append(Finding(place=where, problem=answer[0], remedy=answer[1]))
        else:
            types[str(where[-1])] = answer
    return types, findings


def _volatile(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the names of functions that give another value each time."""
    return {str(name) for (name,) in connection.sql(_VOLATILE).fetchall()}


def _check_personal(
    connection: duckdb.DuckDBPyConnection,
    mapping: TableMapping,
    sources: dict[str, OpenSource],
    place: Place,
    pseudonym_key: bytes | None,
) -> Iterator[Finding]:
    """Refuse columns that would carry what is personal out of ingestion."""
    used = [sources[mapping.source], *(sources[join.source] for join in mapping.join)]
    for source in used:
        for column in source.settings.personal:
            if key_path(column, source)[0] not in {known.lower() for known in source.columns}:
                yield Finding(
                    place=("sources", source.name, "personal"),
                    problem=f"the source has no column {column!r}",
                    remedy=suggest(column, list(source.columns)),
                )
    for name, expression in mapping.columns.items():
        if name in ("user_id", "order_id") and pseudonym_key is not None and not used[0].settings.pseudonymised:
            continue  # both are hashed
        for column in personal_columns(connection, expression, used):
            yield Finding(
                place=(*place, "columns", name),
                problem=f"column {column!r} is personal and never leaves ingestion",
                remedy="take it out of the mapping; conditions, joins and a pseudonymised user_id may use it",
            )


def _check_given_away(
    connection: duckdb.DuckDBPyConnection, mapping: TableMapping, sources: dict[str, OpenSource], place: Place
) -> tuple[frozenset[str], list[Finding]]:
    """Find columns that carry what pseudonyms hide: an order's number is hashed too, any other is refused."""
    if sources[mapping.source].settings.pseudonymised:
        return frozenset(), []
    used = [sources[mapping.source], *(sources[join.source] for join in mapping.join)]
    telling = identifying_columns(connection, mapping, used)
    hashed, findings = set(), []
    for name, expression in mapping.columns.items():
        if name == "user_id":
            continue
        names, whole = columns_read(connection, expression, used)
        tells = bool(telling & names) or (whole and bool(telling))
        if name == "order_id":
            if tells or any(personal_columns(connection, expression, used)):
                hashed.add(name)
            continue
        if not tells:
            continue
        findings.append(
            Finding(
                place=(*place, "columns", name),
                problem="this reads the user's id, which pseudonyms are there to hide",
                remedy="take it out of the mapping; only user_id and order_id may read it, and both are hashed",
            )
        )
    return frozenset(hashed), findings


def _stands_unquoted(connection: duckdb.DuckDBPyConnection, column: str, query: str) -> bool:
    """Whether a column that must be quoted stands in the expression of a query without quotes."""
    expression = query[query.index("(") : query.rindex(")")]
    written = re.search(rf'(?<![\w"]){re.escape(column)}(?![\w"])', expression, re.IGNORECASE)
    return written is not None and identifier(connection, column) != column


def _bind(connection: duckdb.DuckDBPyConnection, query: str, known: list[str]) -> str | tuple[str, str]:
    """Return the type of a query's second column; or what is wrong and what would be right."""
    try:
        if len(connection.extract_statements(query)) != 1:
            return "this is more than one expression", "leave out the semicolon"
        described = connection.sql(f"DESCRIBE {query}").fetchall()
    except duckdb.Error as error:
        said = first_line(error)
        unquoted = next((column for column in known if _stands_unquoted(connection, column, query)), None)
        if isinstance(error, duckdb.ParserException) and unquoted is not None:
            return (
                f"SQL cannot read {unquoted!r} as the name of a column here",
                f"put it into double quotes, as in '\"{unquoted}\"'",
            )
        missing = re.search(r'Referenced column "([^"]+)" not found|column named "([^"]+)"', said)
        if missing:
            column = missing[1] or missing[2]
            quoted = "; a text is written in 'single quotes'" if f'"{column}"' in query else ""
            return f"the source has no column {column!r}{quoted}", suggest(column, known)
        return f"this is no expression over the source's columns: {said.rstrip('.!')}", ""
    if len(described) != 2:
        return "this is more than one expression", "write one, over the source's columns"
    kind = str(described[1][1])
    if kind.endswith("]") or ("(" in kind and not kind.startswith(("DECIMAL", "ENUM", "VARCHAR"))):
        return f"this is no single value but {kind}", "write one expression, over the source's columns"
    return kind
