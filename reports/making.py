"""How a report was made: dates, settings, versions, stages, and the commands that make it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reports import numbers
from reports.document import Section
from reports.markup import Html, element, heading, joined, paragraph
from reports.tables import html_table, number_column, words_column

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MakingReport:
    """How a run was made.

    Attributes
    ----------
    as_of, judged_as_of : str
        Last day known to the plan, and to everything that was judged.
    stages : frame or None, a row a stage
        name, seconds, cached.
    settings, versions : mappings
        As people should see them.
    commands : sequence of str
        Command lines.
    how : str
        How figures were judged, where that was not on later weeks.
    """

    as_of: str
    judged_as_of: str
    seed: int
    stages: pd.DataFrame | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    commands: Sequence[str] = ()
    how: str = ""


def making_section(report: MakingReport) -> Section:
    """Lay out how it was made."""
    body: list[Html] = [
        paragraph(
            report.how
            or f"Everything judged here was fitted on what was known on {report.judged_as_of} and judged on the weeks after; "
            f"the plan was then made with everything refitted on what was known on {report.as_of}.",
            f"Seed {report.seed}: the same data, settings and seed give the same plan.",
        )
    ]
    if report.stages is not None and len(report.stages):
        body.append(_stages(report.stages))
    if report.settings:
        body += [heading("Settings"), _pairs("Settings of this run.", report.settings)]
    if report.versions:
        body += [
            heading("Versions"),
            paragraph(", ".join(f"{name} {version}" for name, version in report.versions.items()) + "."),
        ]
    if report.commands:
        body += [heading("To make it again"), element("pre", element("code", joined(report.commands, "\n")))]
    return Section(heading="How this was made", body=tuple(body))


def _stages(stages: pd.DataFrame) -> Html:
    told = stages.assign(how=["kept from before" if cached else "done" for cached in stages["cached"]])
    columns = [words_column("Stage", "name"), number_column("Seconds", "seconds", 1), words_column("This time", "how")]
    return html_table(told, columns, caption=f"Stages, {numbers.number(stages['seconds'].sum(), 0)} seconds in all.", limit=40)


def _pairs(caption: str, pairs: Mapping[str, Any]) -> Html:
    import pandas as pd

    frame = pd.DataFrame({"name": list(pairs), "value": [_setting(value) for value in pairs.values()]})
    return html_table(frame, [words_column("Setting", "name"), words_column("Value", "value")], caption=caption, limit=80)


def _setting(value: object) -> str:
    return f"{value:,.10g}" if isinstance(value, float) else numbers.text(value)
