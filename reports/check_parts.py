"""What the pages of a check share, whatever the shape of the history: first figures and doubts, stages, rows set aside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports import numbers
from reports.data import corrected_rows, parts_of_rows
from reports.document import Section
from reports.drawing import figure
from reports.history_figures import quarantine_chart
from reports.markup import Html, badge, code, element, joined, paragraph, prose
from reports.tables import html_table, number_column, words_column

if TYPE_CHECKING:
    import pandas as pd


def verdict_section(
    summary: str,
    cards: Sequence[tuple[str, str, str]],
    *,
    alarms: Sequence[str],
    to_fill_in: Sequence[str],
    remarks: pd.DataFrame,
) -> Section:
    """Say what was found: an alarm above everything, then figures, then what to look at first.

    Parameters
    ----------
    cards : sequence of (name, value, remark)
    alarms, to_fill_in : sequences of str
        What must be settled first; lines of the configuration that nobody has vouched for.
    remarks : frame, a row a remark
        kind, words.
    """
    cells = [
        element("div", element("dt", name), element("dd", value, element("small", remark))) for name, value, remark in cards
    ]
    body = [paragraph(summary, class_="lead"), element("dl", *cells, class_="figures")]
    points: list[Html] = [_strong(said) for said in alarms]
    if to_fill_in:
        lines = element("ul", *(element("li", code(line)) for line in to_fill_in))
        words = "nobody has vouched for these lines of the configuration, and every amount of money rests on them."
        points.append(joined([element("strong", "Placeholders:"), words, lines], " "))
    points += [
        joined([element("strong", f"{row['kind'].capitalize()}:"), prose(row["words"])], " ")
        for row in remarks.to_dict("records")
    ]
    if points:
        body += [
            element("h3", "What to look at first"),
            element("ul", *(element("li", one) for one in points), class_="doubts"),
        ]
    return Section(heading="What was found", body=tuple(body))


def _strong(sentence: str) -> Html:
    lead, colon, rest = sentence.partition(":")
    return joined([element("strong", lead + colon), prose(rest.strip())], " ")


def stages_section(stages: pd.DataFrame, *, what: str) -> Section:
    """Say which stages are supported, and what the others lack.

    Parameters
    ----------
    stages : frame, a row a stage
        stage, supported, remark (what is missing, or what the stage rests on; "" where there is nothing to say).
    what : str
        Supports them: "history" or "experiment".
    """
    rows = [
        element(
            "tr",
            element("th", row["stage"], scope="row", class_="left"),
            element("td", badge("yes", "passed") if row["supported"] else badge("no", "failed")),
            element("td", prose(row["remark"] or numbers.MISSING)),
        )
        for row in stages.to_dict("records")
    ]
    head = element(
        "tr",
        *(
            element("th", words, scope="col", class_="left")
            for words in ("Stage", "Supported", "What is missing, or what it rests on")
        ),
    )
    caption = f"What this {what} supports. A run goes on where it can; a stage that says no should not be believed."
    table = element("table", element("caption", element("span", caption)), element("thead", head), element("tbody", *rows))
    return Section(
        heading="What it can support",
        body=(element("div", table, class_="scroll", role="region", aria_label=caption, tabindex=0),),
    )


def counts_table(counts: pd.DataFrame) -> Html:
    """Return how many rows each table was made of; weeks count only where the history has them."""
    columns = [
        words_column("Table", "table"),
        words_column("Source", "source"),
        number_column("Read", "read", 0),
        number_column("Accepted", "accepted", 0),
        number_column("Set aside", "quarantined", 0),
        *(number_column(heading, name, 0) for name, heading in corrected_rows(counts).items()),
        number_column("Not asked for", "left_out", 0),
    ]
    if "outside_periods" in counts:
        columns.append(number_column("Outside the weeks", "outside_periods", 0))
    return html_table(counts, columns, caption=f"Rows by table: read = {parts_of_rows(counts)}.", limit=40)


def set_aside(reasons: pd.DataFrame) -> list[Html]:
    """Draw and list why rows were set aside; nothing where none was.

    Parameters
    ----------
    reasons : frame, a row a reason
        table, column, reason, rows, first.
    """
    if not len(reasons):
        return []
    columns = [
        words_column("Table", "table"),
        words_column("Column", "column"),
        words_column("Why", "reason"),
        number_column("Rows", "rows", 0),
        words_column("The first", "first"),
    ]
    caption = "Why rows were set aside, and where the first of them stands."
    return [
        figure(quarantine_chart(reasons), "Rows that were set aside, by reason."),
        html_table(reasons, columns, caption=caption, limit=40),
    ]
