"""An experiment as it is configured: one row a user with a treatment, outcomes and what was known before.

Columns that the mapping leaves out are read from the source's columns of the same name, so that outcomes and covariates are
written once. A configuration with an experiment needs no `time`: it holds no weeks, only the day on which counting ended.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from decision_engine.config.findings import Finding, suggest
from decision_engine.config.origin import Place

TABLES = ("experiment", "outcomes", "audience")
BEFORE = "_before"  # behind the name of a summed column: its sum over what came before the assignment, a covariate
_LIVES = ("orders", "items", "products", "exposures", "customers", "reviews", "tickets", "searches")
_RESERVED = frozenset({"user_id", "treatment", "propensity", "consent", "assigned_at", "cluster", "at"})
_OF_EVENTS = frozenset({"user_id", "at"})
_DAYS = {"day": 1.0, "week": 7.0, "fortnight": 14.0, "month": 30.4375, "quarter": 91.3125, "year": 365.25}
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
           "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13}  # fmt: skip
_SHARES_SUM = 1e-3  # shares written with three decimals may miss one by so much


def horizon_days(words: str) -> float:
    """Return how many days a length of time in words has.

    Raises
    ------
    ValueError
        If the words name no length.

    Examples
    --------
    >>> horizon_days("two weeks"), horizon_days("30 days"), horizon_days("a year")
    (14.0, 30.0, 365.25)
    """
    found = re.fullmatch(r"(\w+(?:\.\d+)?)[ -]([a-z]+?)s?", words.strip().lower())
    count = None
    if found and found[2] in _DAYS:
        count = float(found[1]) if re.fullmatch(r"\d+(\.\d+)?", found[1]) else _COUNTS.get(found[1])
    if not found or not count:
        raise ValueError(f"{words!r} names no length of time; right is for example `two weeks` or `30 days`")
    return count * _DAYS[found[2]]


def _readable(words: str) -> str:
    horizon_days(words)
    return words.strip()


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class ExperimentConfig(BaseModel):
    """What the columns of an experiment mean; the table itself is mapped as `tables.experiment`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    outcomes: Names = Field(
        min_length=1, description="Columns of what came of it, numbers; the first is money, the others are told beside it."
    )
    money: Literal["revenue", "margin", "cases"] = Field(
        "revenue",
        description="Whether the first outcome is revenue, of which `margin_share` is margin, or margin already, or counts "
        "cases, such as yes and no, of which each brings `worth`.",
    )
    worth: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None, description="With `money: cases`: margin that one case of the first outcome brings, in currency."
    )
    covariates: Names = Field((), description="Columns of what was known of a user before the treatment.")
    categories: Names = Field((), description="Covariates that are categories although they are written as numbers.")
    shares: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(
        default_factory=dict, description="Share of users that each action, `none` included, was meant to get; they sum to 1."
    )
    horizon: Annotated[str, AfterValidator(_readable)] = Field(
        description="How long outcomes were counted, in words, such as two weeks."
    )
    ended_on: date = Field(description="Last day on which outcomes were counted; the plan is for the day after.")

    def margin_a_unit(self, margin_share: float) -> float:
        """Return the margin that one of the first outcome is: of revenue the share, of cases their worth."""
        return {"revenue": margin_share, "margin": 1.0, "cases": self.worth or 1.0}[self.money]

    @property
    def horizon_weeks(self) -> int:
        """The horizon in weeks, the last one begun."""
        return max(1, math.ceil(horizon_days(self.horizon) / 7.0 - 1e-9))


def completed(values: object) -> object:
    """Return a configuration's values with what an experiment leaves unsaid: weeks, margin, columns of their own name."""
    if not isinstance(values, dict) or not isinstance(values.get("experiment"), dict):
        return values
    section, filled = values["experiment"], dict(values)
    filled.setdefault("time", _weeks_before(section.get("ended_on")))
    if section.get("money") in ("margin", "cases"):
        filled.setdefault("margin_share", 1.0)
        filled.setdefault("margin_source", "known" if section["money"] == "margin" else "assumed")
    if isinstance(values.get("tables"), dict):
        filled["tables"] = _with_columns(values["tables"], section)
    return filled


def _weeks_before(ended_on: object) -> dict[str, Any]:
    """Return a calendar whose last week ends on that day; nothing is cut into weeks by it."""
    try:
        last = ended_on if isinstance(ended_on, date) else date.fromisoformat(str(ended_on))
    except ValueError:  # the model says what is wrong with it
        last = date(2000, 1, 1)
    return {"first_day": last - timedelta(days=13), "last_period": 2, "last_fitting_period": 1}


def _with_columns(tables: dict[str, Any], section: dict[str, Any]) -> dict[str, Any]:
    summed = set(summed_columns(tables))
    covariates, outcomes = (
        [name for name in _names(section.get(key)) if name not in summed and name.removesuffix(BEFORE) not in summed]
        for key in ("covariates", "outcomes")
    )
    written = [mapping for mapping in _mappings(tables.get("experiment")) if isinstance(mapping.get("columns"), dict)]
    known = {str(name): expression for mapping in written for name, expression in mapping["columns"].items()}
    filled = dict(tables)
    for table, names in (("experiment", [*outcomes, *covariates]), ("audience", covariates)):
        if table in tables:
            mapped = [_mapping_with_columns(one, names, known) for one in _mappings(tables[table])]
            filled[table] = mapped if mapped else tables[table]
    return filled


def summed_columns(tables: dict[str, Any]) -> list[str]:
    """Return the columns of `tables.outcomes` that are summed by user."""
    found = [mapping["columns"] for mapping in _mappings(tables.get("outcomes")) if isinstance(mapping.get("columns"), dict)]
    return list(dict.fromkeys(str(name) for columns in found for name in columns if str(name) not in _OF_EVENTS))


def _mapping_with_columns(mapping: dict[str, Any], names: list[str], known: dict[str, Any]) -> dict[str, Any]:
    columns = mapping.get("columns")
    if not isinstance(columns, dict):
        return mapping
    own = {name: known.get(name, '"' + name.replace('"', '""') + '"') for name in names if name not in columns}
    return {**mapping, "columns": {**columns, **own}}


def _mappings(value: object) -> list[dict[str, Any]]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def _names(value: object) -> list[str]:
    listed = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    return [name for name in listed if isinstance(name, str)]


def check_experiment(values: dict[str, Any], actions: list[str]) -> Iterator[Finding]:
    """Yield what is wrong with an experiment as a whole.

    Parameters
    ----------
    values : dict
        The YAML document.
    actions : list of str
        Declared actions, `none` first.
    """
    raw = values.get("tables")
    tables: dict[str, Any] = raw if isinstance(raw, dict) else {}
    section = values.get("experiment")
    if not isinstance(section, dict):
        for name in TABLES:
            if name in tables and section is None:
                yield Finding(
                    place=("tables", name),
                    problem=f"table {name} is mapped, but no `experiment:` says what its columns mean",
                    remedy="add `experiment:` with `outcomes`, `covariates`, `horizon` and `ended_on`",
                )
        return
    yield from _check_company(values, tables)
    yield from _check_names(section, tables)
    yield from _check_shares(section, actions)
    for index, action in enumerate(values.get("actions") or []):
        if isinstance(action, dict):
            yield from _check_action(action, ("actions", index))


def _check_company(values: dict[str, Any], tables: dict[str, Any]) -> Iterator[Finding]:
    if tables and "experiment" not in tables:
        yield Finding(
            place=("tables",), problem="`experiment:` is configured, but no table `experiment` is mapped", remedy="map it"
        )
    for name in (name for name in tables if name in _LIVES):
        yield Finding(
            place=("tables", name),
            problem=f"an experiment is one row a user and goes without {name}",
            remedy="take it out, or write a configuration of its own for the history of orders",
        )
    if "time" in values:
        yield Finding(
            place=("time",),
            problem="an experiment has no weeks",
            remedy="take `time` out; `experiment.horizon` and `experiment.ended_on` say all",
        )
    section = values["experiment"]
    if section.get("money") == "margin" and values.get("margin_share", 1) not in (1, 1.0):
        yield Finding(
            place=("margin_share",),
            problem="the first outcome is margin already, a share of it makes no sense",
            remedy="take `margin_share` out, or say `money: revenue`",
        )
    yield from _check_worth(section, values)


def _check_worth(section: dict[str, Any], values: dict[str, Any]) -> Iterator[Finding]:
    counts = section.get("money") == "cases"
    if counts and section.get("worth") is None:
        yield Finding(
            place=("experiment", "money"),
            problem="the first outcome counts cases, and nothing says what one is worth",
            remedy="add `worth:` with the margin that one case brings, in currency",
        )
    if not counts and section.get("worth") is not None:
        yield Finding(
            place=("experiment", "worth"), problem="`worth` goes with `money: cases`", remedy="say so, or take it out"
        )
    if counts and values.get("margin_share", 1) not in (1, 1.0):
        yield Finding(
            place=("margin_share",),
            problem="`worth` is the margin of one case already, a share of it makes no sense",
            remedy="take `margin_share` out",
        )


def _check_names(section: dict[str, Any], tables: dict[str, Any]) -> Iterator[Finding]:
    outcomes, covariates = _names(section.get("outcomes")), _names(section.get("covariates"))
    for key, names in (("outcomes", outcomes), ("covariates", covariates)):
        for index, name in enumerate(names):
            place: Place = ("experiment", key, index)
            if name in _RESERVED:
                yield Finding(place=place, problem=f"`{name}` is a column of its own", remedy=f"take it out of `{key}`")
            elif names.index(name) < index or (key == "covariates" and name in outcomes):
                yield Finding(place=place, problem=f"`{name}` is named twice", remedy="keep one of the two")
    for index, name in enumerate(_names(section.get("categories"))):
        if name not in covariates:
            yield Finding(
                place=("experiment", "categories", index),
                problem=f"`{name}` is no covariate",
                remedy=suggest(name, covariates),
            )
    known = {*outcomes, *covariates, *_RESERVED}
    for table in (table for table in TABLES if table in tables):
        for mapping in _mappings(tables[table]):
            columns = mapping.get("columns")
            for name in columns if isinstance(columns, dict) else ():
                if str(name) not in known and not (table == "outcomes" and f"{name}{BEFORE}" in covariates):
                    yield Finding(
                        place=("tables", table, "columns", str(name)),
                        problem=f"column {name!r} is neither an outcome nor a covariate",
                        remedy="name it under `experiment.outcomes` or `experiment.covariates`, or take it out",
                    )
    yield from _check_events(tables, outcomes, covariates)


def _check_events(tables: dict[str, Any], outcomes: list[str], covariates: list[str]) -> Iterator[Finding]:
    """Yield what is wrong with `tables.outcomes`: columns that stand twice, and times that nothing can be held against."""
    summed = summed_columns(tables)
    written = [mapping.get("columns") for mapping in _mappings(tables.get("experiment"))]
    own = {str(name) for columns in written if isinstance(columns, dict) for name in columns}
    for name in (name for name in summed if name in own):
        yield Finding(
            place=("tables", "experiment", "columns", name),
            problem=f"`{name}` is summed from tables.outcomes, and is mapped here as well",
            remedy="keep one of the two",
        )
    for index, name in enumerate(covariates):
        if name in summed:
            yield Finding(
                place=("experiment", "covariates", index),
                problem=f"`{name}` is summed over what came after the assignment",
                remedy=f"`{name}{BEFORE}` is its sum before, which may be a covariate",
            )
    timed = [mapping for mapping in _mappings(tables.get("outcomes")) if "at" in (mapping.get("columns") or {})]
    if timed and own and "assigned_at" not in own:
        yield Finding(
            place=("tables", "experiment", "columns"),
            problem="rows of tables.outcomes have times, and nothing says from when on they count",
            remedy="add `assigned_at:` with when users were assigned, \"TIMESTAMP '2024-03-01'\" where it is one for all",
        )
    dated = {name for mapping in timed for name in mapping["columns"]}
    for index, name in enumerate(covariates):
        if (plain := name.removesuffix(BEFORE)) != name and plain in summed and plain not in dated:
            yield Finding(
                place=("experiment", "covariates", index),
                problem=f"rows of tables.outcomes that hold {plain} have no time, so that none is known to be before",
                remedy="map their `at`, or take the covariate out",
            )


def _check_shares(section: dict[str, Any], actions: list[str]) -> Iterator[Finding]:
    shares = section.get("shares")
    if not isinstance(shares, dict) or not shares:
        return
    for name in shares:
        if actions and str(name) not in actions:
            yield Finding(
                place=("experiment", "shares", str(name)),
                problem=f"action {name!r} is not declared",
                remedy=suggest(str(name), actions),
            )
    try:
        total = math.fsum(float(share) for share in shares.values())
    except (TypeError, ValueError):
        return
    if abs(total - 1.0) > _SHARES_SUM:
        yield Finding(
            place=("experiment", "shares"),
            problem=f"the shares sum to {total:.4g}",
            remedy="name every group, `none` included, so that they sum to 1",
        )


def _check_action(action: dict[str, Any], place: Place) -> Iterator[Finding]:
    name = action.get("name")
    if action.get("effect") == "assumed" and action.get("gain") is None:
        yield Finding(
            place=(*place, "effect"),
            problem=f"the effect of action {name!r} is assumed, but no `gain` says what it is",
            remedy="add `gain: {mean: 0.5, sd: 0.5}`: extra margin a contacted user, before cost",
        )
    if action.get("response") is not None:
        yield Finding(
            place=(*place, "response"),
            problem="a response is a shift of buying from week to week, which an experiment does not have",
            remedy="take it out; `gain` says what is assumed of an action",
        )
    if action.get("cost_on_redemption"):
        yield Finding(
            place=(*place, "cost_on_redemption"),
            problem="an experiment does not tell who redeems",
            remedy="put the expected cost of redemptions into `cost`",
        )
