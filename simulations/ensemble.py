"""Several simulators of one history: what the data leave uncertain.

Each member is fitted on a bootstrap of users (Poisson counts; Oza and Russell, 2001, AISTATS) and draws each response from
its estimate or assumption, so that intervals over members hold both what was estimated and what is assumed. What past contacts
did under a member's own response is taken off its heads: the more an action is held to do, the less is left to users alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numba
import numpy as np

from simulations.actions import ActionSet
from simulations.arrays import FloatArray
from simulations.behaviour import BehaviourFit, UserWeeks, fit_behaviour
from simulations.contact import ContactRules
from simulations.panel import WeeklyPanel
from simulations.randomness import stream
from simulations.response import ResponseArrays, ResponseScale, ResponseSet
from simulations.service import NO_MOOD, MoodPrior, ServiceModel
from simulations.simulator import LifecycleSimulator
from simulations.storage import (
    StoredArrays,
    pack_response,
    pack_world,
    read_artifact,
    unpack_response,
    unpack_world,
    write_artifact,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorEnsemble:
    """Simulators that agree as far as the history compels them to.

    Attributes
    ----------
    point : LifecycleSimulator
        Fitted on every user once, with central responses; member 0.
    members : tuple of LifecycleSimulator
        Members 1, 2, ...
    responses : ResponseSet
        What the members' responses were drawn from.
    seed : int
        Of the bootstrap and of the responses' draws.
    """

    point: LifecycleSimulator
    members: tuple[LifecycleSimulator, ...]
    responses: ResponseSet
    seed: int

    @classmethod
    def fit(
        cls,
        panel: WeeklyPanel,
        *,
        responses: ResponseSet,
        rules: ContactRules,
        margin_share: float,
        members: int,
        seed: int,
        service: ServiceModel | None = None,
    ) -> SimulatorEnsemble:
        """Fit on all weeks of the panel; the caller slices off what must not be seen.

        Parameters
        ----------
        responses : ResponseSet
            In the order of `panel.actions`; see `response_scale` for its scale.
        members : int
            Simulators besides the point fit.
        service : ServiceModel, optional
            What is assumed of satisfaction and service; without, neither moves.
        """
        weeks = UserWeeks.of(panel)
        point = LifecycleSimulator.of_weeks(
            weeks, responses=responses, rules=rules, margin_share=margin_share, seed=seed, service=service
        )
        counts = stream(seed, "ensemble bootstrap").poisson(1.0, (members, panel.n_users)).astype(np.float64)
        drawn = [responses.draw(seed, member + 1) for member in range(members)]
        moods = [NO_MOOD if service is None else service.drawn_prior(seed, member + 1) for member in range(members)]
        fits = _fit_members(weeks, drawn, counts, point.fit, moods)
        others = tuple(
            replace(point, fit=fit, response=response, member=member + 1)
            for member, (fit, response) in enumerate(zip(fits, drawn, strict=True))
        )
        return cls(point=point, members=others, responses=responses, seed=seed)

    @property
    def actions(self) -> ActionSet:
        """The actions, `none` first."""
        return self.point.actions

    @property
    def rules(self) -> ContactRules:
        """The contact rules."""
        return self.point.rules

    @property
    def margin_share(self) -> float:
        """Share of revenue that is margin."""
        return self.point.margin_share

    @property
    def scale(self) -> ResponseScale:
        """Scale of the responses' basis."""
        return self.responses.scale

    def with_responses(self, responses: ResponseSet) -> SimulatorEnsemble:
        """Return the same behaviours with other responses: effects can be swapped without fitting heads again."""
        return replace(
            self,
            point=self.point.with_response(responses.centre()),
            members=tuple(member.with_response(responses.draw(self.seed, member.member)) for member in self.members),
            responses=responses,
        )

    def subset(self, members: slice) -> SimulatorEnsemble:
        """Return an ensemble of some of the members, to train on some and judge on others."""
        return replace(self, members=self.members[members])

    def save(self, folder: Path) -> None:
        """Write the ensemble into a folder: `ensemble.npz` with arrays, `ensemble.json` with the rest."""
        arrays: StoredArrays = {"scale.centre": self.scale.centre, "scale.spread": self.scale.spread}
        plain = {
            "point": self.point.packed(arrays, "point."),
            "members": [member.packed(arrays, f"{place}.") for place, member in enumerate(self.members)],
            "responses": [pack_response(response) for response in self.responses.responses],
            "seed": self.seed,
            **pack_world(self.actions, self.rules, self.margin_share),
        }
        write_artifact(folder, "ensemble", arrays, plain)

    @classmethod
    def load(cls, folder: Path) -> SimulatorEnsemble:
        """Read what `save` wrote."""
        arrays, plain = read_artifact(folder, "ensemble")
        world = unpack_world(plain)
        scale = ResponseScale(centre=arrays["scale.centre"], spread=arrays["scale.spread"])
        return cls(
            point=LifecycleSimulator.unpacked(plain["point"], arrays, "point.", *world),
            members=tuple(
                LifecycleSimulator.unpacked(part, arrays, f"{place}.", *world) for place, part in enumerate(plain["members"])
            ),
            responses=ResponseSet(scale=scale, responses=tuple(unpack_response(part) for part in plain["responses"])),
            seed=plain["seed"],
        )


def _fit_members(
    weeks: UserWeeks, drawn: Sequence[ResponseArrays], counts: FloatArray, start: BehaviourFit, moods: Sequence[MoodPrior]
) -> list[BehaviourFit]:
    """Fit each member on its own counts, as many at once as there are cores; what comes out does not depend on how many.

    What a member's past contacts did is found before, one member after the other: that loop takes all cores by itself.
    """
    n_threads = int(numba.get_num_threads())
    fits: list[BehaviourFit] = []
    with ThreadPoolExecutor(n_threads) as pool:
        for first in range(0, len(drawn), n_threads):
            under = [weeks.under(response) for response in drawn[first : first + n_threads]]
            few = slice(first, first + n_threads)
            fits += pool.map(
                lambda part, count, mood: fit_behaviour(part, count, start, mood=mood), under, counts[few], moods[few]
            )
    return fits
