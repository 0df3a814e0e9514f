"""The first configuration, written by looking at files: YAML that `check` accepts, with what to fill in clearly marked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex

from decision_engine.config.load import load_config
from decision_engine.config.origin import Origin
from decision_engine.config.placeholders import FILL_IN
from decision_engine.config.schema import config_schema_json
from decision_engine.config.sources import SourceConfig
from decision_engine.history.action_drafts import ActionDraft, draft_actions
from decision_engine.history.arms import may_be_drawn_too
from decision_engine.history.candidates import find_sources
from decision_engine.history.column_finder import Choose
from decision_engine.history.columns import CURRENCIES, ColumnLook, look_at
from decision_engine.history.composed_times import with_composed_times
from decision_engine.history.currencies import currency_column
from decision_engine.history.draft import Drafter
from decision_engine.history.experiment import find_experiment
from decision_engine.history.experiment_draft import ExperimentDraft
from decision_engine.history.experiment_in_rows import BUYERS_ONLY, rows_of_arms
from decision_engine.history.experiment_lines import experiment_lines
from decision_engine.history.guests import put_mail_first
from decision_engine.history.infer import Guess, guess_personal, guess_roles, name_parts
from decision_engine.history.ingest import read_history
from decision_engine.history.left_out import (
    columns_of_drafts,
    comment_lines,
    left_out_lines,
    left_out_of_experiment,
    unused_events,
)
from decision_engine.history.mapping_lines import RETURNED, mapping_lines
from decision_engine.history.sheets import Sheet, TableDraft
from decision_engine.history.sources import SourceReader, quote
from decision_engine.history.to_fill_in import lines_to_answer, unknown_weeks, weeks_of
from decision_engine.history.unnamed import roles_by_values
from decision_engine.history.unused_files import why_unused
from decision_engine.history.whole_ids import without_points
from decision_engine.history.yaml_text import on_one_line, yaml_text
from simulations.errors import ConfigError, HistoryError

KEY_VARIABLE = "DECISION_ENGINE_PSEUDONYM_KEY"
SCHEMA_FILE = "configuration.schema.json"
NO_CONSENT = (
    "No column of consent was found: everybody counts as one who may be contacted. Where only some agreed, map "
    "`consent` in {where}."
)
_NO_HEADER = (
    "the first line of {sheet} holds values like those below it, so that the file has no header: its columns are called "
    "column_1 and so on, and are guessed by their values alone. Write better names into `names`, and into the mappings; where "
    "the first line does name the columns, take `names` out"
)
_SHOWN = 6  # names told one by one
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
    taken : tuple of str
        What rows are taken for, where that leaves some out or turns them around.
    not_found : tuple of str
        What the files do not tell, and what that means.
    key_variable : str or None
        The environment variable that must hold a key for pseudonyms before the configuration can be used.
    is_readable : bool
        Whether a history could be read by it as it stands.
    """

    text: str
    to_fill_in: tuple[str, ...]
    decisions: tuple[str, ...]
    taken: tuple[str, ...] = ()
    not_found: tuple[str, ...] = ()
    key_variable: str | None = None
    is_readable: bool = True


def write_starter(files: Sequence[str], path: Path, ask: Choose | None = None) -> Starter:
    """Look at files and database URLs, and write a configuration that reads them; what no column tells is marked in it.

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
        If a file cannot be read or is empty, or none could hold orders.
    """
    decisions: list[str] = []

    def choose(question: str, options: Sequence[str]) -> int:
        chosen = ask(question, options) if ask is not None else 0
        decisions.append(f"{question} {options[chosen]}, before {', '.join(o for k, o in enumerate(options) if k != chosen)}")
        return chosen

    written = find_sources(files, path.parent)
    with SourceReader({name: SourceConfig.model_validate(s) for name, s in written.items()}, Origin(path=path)) as reader:
        sheets = [_sheet(reader, name, settings, choose) for name, settings in written.items()]
        experiment = find_experiment(reader.connection, sheets, choose)
        if experiment is not None:
            head = _head(path, list(experiment.files.unused), experiment.sheets, left_out_of_experiment(experiment))
            return _write_experiment(path, [*head, *experiment_lines(experiment, FILL_IN)], decisions, experiment)
        if (rows := rows_of_arms(reader.connection, sheets)) is not None:
            decisions.append(BUYERS_ONLY.format(treatment=rows.treatment, sheet=rows.people.name))
        drafter = Drafter(reader.connection, sheets, choose)
        drafts = drafter.draft()
        actions = draft_actions(reader.connection, sheets, drafts)
        unused = why_unused(drafter, drafts)
    return _write_history(path, sheets, drafts, actions, decisions, unused)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "a file of that name is there" if folder.is_file() else (error.strerror or str(error))
        raise HistoryError(f"--out {folder}: the folder cannot be made ({reason}); name another.") from None


def _write_history(
    path: Path,
    sheets: list[Sheet],
    drafts: list[TableDraft],
    actions: tuple[ActionDraft, ...],
    decisions: list[str],
    why: dict[str, str],
) -> Starter:
    """Write the configuration of a history, and read it once to see its weeks."""
    used = {sheet.name for draft in drafts for sheet in draft.sheets}
    kept = [sheet for sheet in sheets if sheet.name in used]
    described_by = {one.told_by for one in actions}
    unused = [sheet.name for sheet in sheets if sheet.name not in used | described_by]
    is_of_rounds = any(draft.is_of_rounds for draft in drafts)
    returns = not is_of_rounds and RETURNED not in {sheet.name for sheet in sheets}
    not_found = [line.not_found for draft in drafts for line in draft.lines.values() if line.not_found]
    consent = _consent(kept, drafts)
    left_out = [line for sheet in kept for line in left_out_lines(sheet, columns_of_drafts(sheet, drafts))]
    left_out += [line for sheet in kept for line in unused_events(sheet, drafts)]
    left_out += [line for sheet in kept if sheet.settings.names for line in comment_lines(_NO_HEADER.format(sheet=sheet.name))]
    head = _head(path, unused, kept, [*left_out, *(_returned_source(kept) if returns else [])])
    tables = mapping_lines(
        drafts, {one.raw: one.name for one in actions}, comment_lines(consent) if consent else [], returns=returns
    )

    def render(time: Sequence[str]) -> str:
        return "\n".join([*head, *tables, *time, *lines_to_answer(actions, is_of_rounds=is_of_rounds)]) + "\n"

    zone = any(look.offset > 0.5 or look.epoch for sheet in kept for look in _times(sheet))
    _make_folder(path.parent)
    path.write_text(render(unknown_weeks(zone=zone)), encoding="utf-8")
    try:
        config = load_config(path)
        with _some_key(config.privacy.pseudonym_key):
            path.write_text(render(weeks_of(read_history(config), zone=zone)), encoding="utf-8")
        load_config(path)
        is_readable = True
    except (ConfigError, HistoryError) as error:  # the draft stands; whoever fills it in sees the same message from `check`
        is_readable = False
        rowless = [sheet.name for sheet in kept if not any(look.filled for look in sheet.looks.values())]
        if rowless:
            not_found.append(
                f"{', '.join(rowless)}: holds no row; columns are guessed by their names alone, and weeks are unknown"
            )
        elif not not_found:
            not_found.append(f"the weeks of the history: {error}")
    except BaseException:
        path.unlink()
        raise
    (path.parent / SCHEMA_FILE).write_text(config_schema_json(), encoding="utf-8")
    not_found += [consent] if consent else []
    not_found += [f"a use for {name}: {why[name]}" for name in unused]
    taken = [_NO_HEADER.format(sheet=sheet.name) for sheet in kept if sheet.settings.names]
    taken += [f"{draft.table}: {remark}" for draft in drafts for remark in draft.remarks]
    return _starter(path.read_text(encoding="utf-8"), decisions, not_found, taken=taken, is_readable=is_readable)


def _write_experiment(path: Path, lines: list[str], decisions: list[str], draft: ExperimentDraft) -> Starter:
    """Write the configuration of an experiment, and read it once."""
    text = "\n".join(lines) + "\n"
    not_found = [] if draft.consent else [NO_CONSENT.format(where="tables.experiment")]
    if draft.user is None:
        not_found.append(
            "a column that names the user: the plan will name the rows of the file by their numbers. To name users, map "
            "`user_id` in tables.experiment; an address or a name can be one where `privacy.pseudonym_key` hides it."
        )
    for other, why in draft.files.unused.items():
        not_found.append(
            f"a use for {other}: it {why}."
            if why
            else f"a use for {other}: one row a user stands in {draft.sheet.name} alone. Users to plan for, where they are "
            "others than those of the experiment, are `tables.audience`."
        )
    _make_folder(path.parent)
    path.write_text(text, encoding="utf-8")
    is_readable = True
    try:
        read_history(load_config(path))
    except (ConfigError, HistoryError) as error:  # as above
        is_readable = False
        not_found.append(f"a user that could be read: {error}")
    except BaseException:
        path.unlink()
        raise
    return _starter(text, decisions, not_found, taken=_taken(draft), is_readable=is_readable)


def _taken(draft: ExperimentDraft) -> list[str]:
    """Say what each further file of an experiment is taken for."""
    files = draft.files
    told = [f"{name}: all of it got {arm}, as the file's name says" for name, arm in draft.arm_of.items()]
    told += [f"{sheet.name}: further users of the experiment" for sheet in files.parts if sheet.name not in draft.arm_of]
    told += [
        f"{name}: known before, as a covariate. Where it was drawn too, name the arms by both: "
        f"`treatment: concat({draft.sql[draft.treatment]}, ' ', {draft.sql[name]})`"
        for name, look in draft.sheet.looks.items()
        if name in draft.covariates and may_be_drawn_too(look)
    ]
    told += [f"{draft.names_from}: the names of the groups"] if draft.names_from else []
    told += [f"{one.sheet.name}: what is known of the experiment's users ({_some(one.covariates)})" for one in files.lookups]
    if len(set(draft.groups.values())) < len(draft.groups):
        told.append(f"{draft.treatment}: values that differ by blanks and capitals alone are one arm")
    if draft.cluster is not None:
        told.append(
            f"{draft.cluster}: what was drawn as a whole, as all users of one got the same; errors count them, not users"
        )
    for events in files.events:
        names = _some([name for name in events.lines if name not in ("user_id", "at")])
        when = "from the assignment on, for as long as the horizon" if "at" in events.lines else "whenever they were"
        told.append(f"{events.sheet.name}: outcomes, summed by user ({names}), {when}; users who are not in it have 0")
        told += [f"outcomes: {remark}" for remark in events.remarks]
    if files.audience is not None:
        told.append(f"{files.audience.sheet.name}: other users, to plan for (`tables.audience`)")
    return told


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _starter(
    text: str, decisions: Sequence[str], not_found: Sequence[str], *, taken: Sequence[str] = (), is_readable: bool
) -> Starter:
    marked = tuple(line.strip() for line in text.splitlines() if FILL_IN in line and not line.startswith("#"))
    return Starter(
        text=text,
        to_fill_in=marked,
        decisions=tuple(dict.fromkeys(decisions)),
        taken=tuple(dict.fromkeys(taken)),
        not_found=tuple(dict.fromkeys(not_found)),
        key_variable=KEY_VARIABLE if f"\nprivacy: {{pseudonym_key: {KEY_VARIABLE}}}" in text else None,
        is_readable=is_readable,
    )


def _consent(sheets: list[Sheet], drafts: list[TableDraft]) -> str:
    """Say that no column of consent was mapped; nothing where one is."""
    if any("consent" in draft.lines for draft in drafts):
        return ""
    looks_like = [
        f"{g.column} of {sheet.name}" for sheet in sheets for g in sheet.roles.get("consent", []) if g.confidence >= 0.8
    ]
    may_be = f" {looks_like[0]} may tell." if looks_like else ""
    return NO_CONSENT.format(where="tables.customers") + may_be


def _returned_source(kept: list[Sheet]) -> list[str]:
    """Return the lines of the source that closes the loop: what `plan export` wrote, once it is put there."""
    pseudonyms = ", pseudonymised: true" if any(_is_named_by_personal(sheet) for sheet in kept) else ""
    also = "" if pseudonyms else " Where users have pseudonyms, add `pseudonymised: true`."
    return [
        *comment_lines(f"The exposures.csv that `plan export` writes: put it here, and the next run measures from it.{also}"),
        f"  {RETURNED}: {{file: {RETURNED}.csv, optional: true{pseudonyms}}}",
    ]


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


def _head(path: Path, unused: list[str], sheets: list[Sheet], further: list[str]) -> list[str]:
    """Return the lines up to the sources; `further` ones follow them."""
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
        f"name: {yaml_text(shop.capitalize())}",
        _currency(sheets),
        *_privacy(sheets),
        "",
        "sources:",
    ]
    lines += [f"  {sheet.name}: {on_one_line(sheet.written)}" for sheet in sheets]
    return [*lines, *further, ""]


def _currency(sheets: list[Sheet]) -> str:
    """Return the line of the currency: read off signs beside amounts or the names of their columns, else to be filled in."""
    for sheet in sheets:
        column = currency_column(sheet)
        if column is not None and column.n_distinct > 1:
            main = column.frequent[0]
            return f"currency: {CURRENCIES.get(main, main)} # the most frequent of {column.name}"
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
