"""The main report: one run of the engine, from the decision to how it was made, readable by somebody who was not there.

A part that a run did not reach is absent, never empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.data import DataReport, data_section
from reports.decision import decision_section
from reports.document import Document, Section
from reports.doubts import Doubt, WitnessReport, collect_doubts, doubts_section
from reports.effects import EffectsReport, effects_section
from reports.experiment import ExperimentReport, alarm_section, experiment_section
from reports.making import MakingReport, making_section
from reports.plan import PlanReport, plan_section
from reports.policies import PoliciesReport, policies_section
from reports.profiles import ProfilesReport, profiles_section
from reports.simulator import SimulatorReport, simulator_section


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunReport:
    """What a run has to tell; each part is optional.

    Attributes
    ----------
    title, subtitle : str
    caveats : sequence of str or Doubt
        Further doubts: notes where they are a sentence only.
    """

    title: str
    subtitle: str = ""
    plan: PlanReport | None = None
    witness: WitnessReport | None = None
    caveats: Sequence[str | Doubt] = ()
    effects: EffectsReport | None = None
    policies: PoliciesReport | None = None
    simulator: SimulatorReport | None = None
    profiles: ProfilesReport | None = None
    experiment: ExperimentReport | None = None
    data: DataReport | None = None
    making: MakingReport | None = None

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """What to doubt, the most harmful to the decision first."""
        return collect_doubts(
            witness=self.witness,
            plan=self.plan,
            effects=self.effects,
            simulator=self.simulator,
            alarm="" if self.experiment is None else self.experiment.alarm,
            caveats=self.caveats,
        )


def render_run(report: RunReport) -> str:
    """Return the report as one HTML file."""
    return Document(title=report.title, subtitle=report.subtitle, sections=tuple(_sections(report))).to_html()


def _sections(report: RunReport) -> Iterator[Section]:
    alarm = None if report.experiment is None else alarm_section(report.experiment)
    if alarm is not None:
        yield alarm
    if report.plan is not None:
        yield decision_section(report.plan, reason="" if report.policies is None else report.policies.reason)
    doubts = doubts_section(report.doubts)
    if doubts is not None:
        yield doubts
    if report.plan is not None:
        yield plan_section(report.plan)
    if report.effects is not None:
        yield effects_section(report.effects)
    if report.policies is not None:
        yield policies_section(report.policies)
    if report.simulator is not None:
        yield simulator_section(report.simulator)
    if report.profiles is not None:
        yield profiles_section(report.profiles)
    if report.experiment is not None:
        yield experiment_section(report.experiment)
    if report.data is not None:
        yield data_section(report.data)
    if report.making is not None:
        yield making_section(report.making)
