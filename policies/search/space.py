"""What a search may try: families of policies, each with its own parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, cast

from simulations.actions import ActionSet
from simulations.errors import ConfigError

if TYPE_CHECKING:
    from optuna.trial import Trial

Value = str | int | float
Params = dict[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number between two bounds, both included."""

    name: str
    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """One of some options."""

    name: str
    options: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Families by name, each with its parameters; a point names its family under `kind`.

    Examples
    --------
    >>> Space(families={"rule": (Number(name="gap_low", low=1.0, high=4.0),)}).names("rule")
    ('gap_low',)
    """

    families: Mapping[str, tuple[Number | OneOf, ...]]

    def __post_init__(self) -> None:
        """Refuse a space with nothing in it."""
        if not self.families:
            raise ConfigError("search: the space has no family of policies; give at least one.")

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the parameters of a family."""
        return tuple(parameter.name for parameter in self.families[kind])

    def suggest(self, trial: Trial) -> Params:
        """Ask a trial for a point: the family, then the family's parameters."""
        kinds = list(self.families)
        kind = kinds[0] if len(kinds) == 1 else str(trial.suggest_categorical("kind", kinds))
        params: Params = {"kind": kind}
        for parameter in self.families[kind]:
            place = f"{kind}.{parameter.name}"
            if isinstance(parameter, Number):
                params[parameter.name] = trial.suggest_float(place, parameter.low, parameter.high, log=parameter.log)
            else:
                params[parameter.name] = cast("Value", trial.suggest_categorical(place, list(parameter.options)))
        return params

    def flat(self, point: Params) -> Params:
        """Return a point under the names that a trial knows its parameters by.

        Raises
        ------
        ConfigError
            If the point names no family of the space, or not just that family's parameters.
        """
        kind = str(point.get("kind", next(iter(self.families))))
        if kind not in self.families:
            raise ConfigError(f"search: a first point is of the family {kind!r}; the space has {', '.join(self.families)}.")
        given = {name: value for name, value in point.items() if name != "kind"}
        if set(given) != set(self.names(kind)):
            raise ConfigError(
                f"search: a first point of {kind} gives {', '.join(given)}; needed: {', '.join(self.names(kind))}."
            )
        named: Params = {f"{kind}.{name}": value for name, value in given.items()}
        return {"kind": kind, **named} if len(self.families) > 1 else named

    def to_json(self) -> dict[str, object]:
        """Return the space as plain values, for keys and records."""
        return {kind: [asdict(parameter) for parameter in parameters] for kind, parameters in self.families.items()}


def default_space(actions: ActionSet, horizons: tuple[int, ...] = (4, 8, 13)) -> Space:
    """Return what the main job searches: the lapse rule for each action, and uplift-greedy.

    Parameters of the lapse rule: the action; `gap_low`, and `gap_width` above it, in usual gaps; `worth_quantile`, the share of
    users too little worth. Of uplift-greedy: `price`, `min_increment` in currency, `pessimism` in standard deviations, and the
    weeks over which an increment counts, one of `horizons`.
    """
    return Space(
        families={
            "rfm_rule": (
                OneOf(name="action", options=actions.names[1:]),
                Number(name="gap_low", low=0.5, high=4.0),
                Number(name="gap_width", low=0.5, high=8.0),
                Number(name="worth_quantile", low=0.0, high=0.9),
            ),
            "uplift_greedy": (
                Number(name="price", low=0.0, high=2.0),
                Number(name="min_increment", low=0.0, high=1.0),
                OneOf(name="pessimism", options=(0.0, 0.5, 1.0, 2.0)),
                OneOf(name="weeks", options=horizons),
            ),
        }
    )
