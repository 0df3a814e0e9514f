"""The first configuration, written by looking at files: YAML that `check` accepts, with what to fill in clearly marked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
from decision_engine.history.draft import Drafter
from decision_engine.history.experiment import find_experiment
from decision_engine.history.experiment_draft import ExperimentDraft
from decision_engine.history.experiment_in_rows import BUYERS_ONLY, rows_of_arms
from decision_engine.history.experiment_lines import experiment_lines
from decision_engine.history.head_lines import KEY_VARIABLE, SCHEMA_FILE, head_lines, is_named_by_personal
from decision_engine.history.ingest import read_history
from decision_engine.history.left_out import (
    columns_of_drafts,
    comment_lines,
    left_out_lines,
    left_out_of_experiment,
    unused_events,
)
from decision_engine.history.mapping_lines import RETURNED, mapping_lines
from decision_engine.history.sheet_looks import sheet_of, times_of
from decision_engine.history.sheets import Sheet, TableDraft
from decision_engine.history.sources import SourceReader
from decision_engine.history.to_fill_in import lines_to_answer, unknown_weeks, weeks_of
from decision_engine.history.unused_files import why_unused
from simulations.errors import ConfigError, HistoryError

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
        sheets = [sheet_of(reader, name, settings, choose) for name, settings in written.items()]
        experiment = find_experiment(reader.connection, sheets, choose)
        if experiment is not None:
            head = head_lines(path, list(experiment.files.unused), experiment.sheets, left_out_of_experiment(experiment))
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
    head = head_lines(path, unused, kept, [*left_out, *(_returned_source(kept) if returns else [])])
    tables = mapping_lines(
        drafts, {one.raw: one.name for one in actions}, comment_lines(consent) if consent else [], returns=returns
    )

    def render(time: Sequence[str]) -> str:
        return "\n".join([*head, *tables, *time, *lines_to_answer(actions, is_of_rounds=is_of_rounds)]) + "\n"

    zone = any(look.offset > 0.5 or look.epoch for sheet in kept for look in times_of(sheet))
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
    pseudonyms = ", pseudonymised: true" if any(is_named_by_personal(sheet) for sheet in kept) else ""
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
