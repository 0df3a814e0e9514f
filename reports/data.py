"""The data's page: what was read, what was set aside and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports import numbers
from reports.document import Section
from reports.markup import Html, bullets, paragraph
from reports.tables import Column, html_table, number_column, plain_columns, words_column

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DataReport:
    """A history as its page needs it.

    Attributes
    ----------
    counts : frame, a row a mapping
        table, source, read, accepted, quarantined; left_out and outside_periods where known.
    reasons : frame or None, a row a reason
        table, column, reason, rows.
    tables : frame or None, a row a table
        table, rows, users, first, last.
    summary : str
        The history in a sentence or two.
    quarantine_file : str or None
        Where the rows that were set aside are.
    """

    counts: pd.DataFrame
    reasons: pd.DataFrame | None = None
    tables: pd.DataFrame | None = None
    summary: str = ""
    notes: Sequence[str] = ()
    quarantine_file: str | None = None


def data_section(report: DataReport) -> Section:
    """Lay out what was read."""
    read, accepted, aside = (int(report.counts[name].sum()) for name in ("read", "accepted", "quarantined"))
    aside_words = f"{aside:,} set aside" if aside else "none set aside"
    later = "".join(
        f", {int(report.counts[name].sum()):,} {heading[0].lower()}{heading[1:]}"
        for name, heading in corrected_rows(report.counts).items()
    )
    body: list[Html] = [
        paragraph(f"{numbers.plural(read, 'row')} read, {accepted:,} accepted, {aside_words}{later}.", report.summary),
        html_table(
            report.counts,
            _count_columns(report.counts),
            caption=f"Rows by table: read = {parts_of_rows(report.counts)}.",
            limit=40,
        ),
    ]
    if report.tables is not None and len(report.tables):
        body.append(html_table(report.tables, plain_columns(report.tables), caption="What each table holds."))
    if report.reasons is not None and len(report.reasons):
        caption = "Why rows were set aside."
        body.append(html_table(report.reasons, plain_columns(report.reasons), caption=caption, file=report.quarantine_file))
    body.append(bullets(report.notes))
    return Section(heading="The data", body=tuple(part for part in body if part))


_CORRECTED = {"superseded": "Corrected by a later row", "repeated": "Repeated by a later row"}


def corrected_rows(counts: pd.DataFrame) -> dict[str, str]:
    """Return the headings of rows that do not count because a later row does, where there are any."""
    return {name: heading for name, heading in _CORRECTED.items() if name in counts and counts[name].sum()}


def parts_of_rows(counts: pd.DataFrame) -> str:
    """Return what the rows read became, as a sum."""
    return " + ".join(["accepted", "set aside", *(heading.lower() for heading in corrected_rows(counts).values())])


def _count_columns(counts: pd.DataFrame) -> list[Column]:
    headings = {
        "read": "Read",
        "accepted": "Accepted",
        "quarantined": "Set aside",
        **corrected_rows(counts),
        "left_out": "Not asked for",
        "outside_periods": "Accepted, outside the weeks",
    }
    columns = [words_column("Table", "table"), words_column("Source", "source")]
    return columns + [number_column(heading, name, 0) for name, heading in headings.items() if name in counts]
