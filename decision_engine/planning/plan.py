"""A plan: a value that says who gets what, what it should bring, and what that rests on.

A plan never changes. Its digest covers every row, total and setting and no clock, so that the same inputs make the same plan
and any change makes another. Approval, export and measurement are events about it, kept in the ledger.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from typing import Any

import pandas as pd

from decision_engine.planning.headline import Headline
from simulations.errors import PlanError

SCHEMA_VERSION = 1
ROW_COLUMNS = (
    "user_id",
    "action",
    "channel",
    "cost",
    "increment",
    "low",
    "high",
    "increment_margin",
    "source",
    "propensity",
    "reasons",
)
HOLDOUT_COLUMNS = ("user_id", "would_be", "propensity")
EXCLUDED_COLUMNS = ("user_id", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSettings:
    """What a plan was made with.

    Attributes
    ----------
    name, currency, policy : str
        The campaign, the money of every amount, and the policy that chose.
    starts_on : date
        First business day of the week the plan is for; `business_day_starts_at` is the hour at which a business day starts.
    as_of, judged_as_of : date
        Last day of the history that the plan was fitted on, and of what the compared policies were fitted on, if another.
    effect_horizon_weeks : int
        Weeks over which an increment counts.
    horizon : str
        The same in words, of a plan made from an experiment; empty for one made from users' lives.
    margin_of : str
        What margin is reckoned from, where that is no revenue; else empty.
    interval_level : float
        Of every interval.
    margin_share : float
        Margin as a share of revenue; `margin_assumed` says that nobody measured it.
    budget : float or None
        Largest expected cost; None for no limit.
    capacities : mapping of str to int or None
        Largest number of users per action.
    holdout_share : float
        Share of users never contacted; `holdout_key_digest` is the fingerprint of the key that draws them.
    """

    name: str
    currency: str
    policy: str
    starts_on: date
    as_of: date
    effect_horizon_weeks: int
    interval_level: float
    margin_share: float
    margin_assumed: bool
    holdout_share: float
    budget: float | None = None
    capacities: Mapping[str, int | None]
    holdout_key_digest: str = ""
    judged_as_of: date | None = None
    business_day_starts_at: int = 0
    seed: int = 0
    horizon: str = ""
    margin_of: str = ""

    def __post_init__(self) -> None:
        if not 0.0 < self.interval_level < 1.0:
            raise PlanError(f"interval_level: {self.interval_level} lies outside (0, 1); 0.9 asks for 90% intervals.")
        if self.effect_horizon_weeks < 1:
            raise PlanError(f"effect_horizon_weeks: {self.effect_horizon_weeks} weeks; at least 1 is expected.")

    @property
    def span(self) -> str:
        """The horizon as people say it."""
        return self.horizon or f"{self.effect_horizon_weeks} weeks"

    @property
    def worlds(self) -> str:
        """What the interval's draws are called."""
        return "draws of the effects" if self.horizon else "simulated worlds"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """The actions of one week, user by user; made by `make_plan`, described field by field in docs/plan.md.

    Attributes
    ----------
    rows, holdout, excluded_users : frames
        With `ROW_COLUMNS`, `HOLDOUT_COLUMNS`, `EXCLUDED_COLUMNS`: everybody of the audience is in exactly one of them.
    audience : int
        Users considered.
    cost : float
        Expected cost of all actions, in currency.
    expected : Headline
        Increment of the whole plan, net of that cost, as the judging members see it.
    increment_margin : float
        The same before cost.
    optimiser_increment : float
        The increment as the choosing members see it: too good, because they picked what looks best to them.
    effect_assumed_share, margin_assumed_share : float
        Share of the increment before cost that rests on assumed effects, and on an assumed margin.
    lp_gap, lp_gap_amount : float
        What a better allocation could add at most, as a share and in currency, by the choosing members' figures.
    budget_price : float
        What one more unit of budget would bring.
    capacity_prices : mapping of str to float
        What one more place for an action would bring, in currency.
    version : int
        Number in the ledger among the plans of one name; 0 for a plan that was not recorded.
    """

    settings: PlanSettings
    audience: int
    rows: pd.DataFrame
    holdout: pd.DataFrame
    excluded_users: pd.DataFrame
    cost: float
    expected: Headline
    increment_margin: float
    optimiser_increment: float
    effect_assumed_share: float
    margin_assumed_share: float
    lp_gap: float
    lp_gap_amount: float
    budget_price: float
    capacity_prices: Mapping[str, float]
    digest: str = ""
    version: int = 0

    @property
    def id(self) -> str:
        """Short name made from the digest."""
        return f"plan-{self.digest[:12]}"

    @property
    def excluded(self) -> dict[str, int]:
        """Users per reason for getting nothing, the most frequent first."""
        counts = self.excluded_users["reason"].value_counts()
        return {str(reason): int(n) for reason, n in sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))}

    @property
    def action_counts(self) -> dict[str, int]:
        """Users per action, by name."""
        counts = self.rows["action"].value_counts()
        return {str(name): int(counts[name]) for name in sorted(counts.index)}

    def sealed(self) -> Plan:
        """Return the same plan with its digest."""
        return replace(self, digest=digest_of(self))

    def totals(self) -> dict[str, Any]:
        """Return everything but the rows, ready for JSON; keys and units in docs/plan.md."""
        return {"id": self.id, "digest": self.digest, "version": self.version, **_totals(self)}

    def to_json(self) -> dict[str, Any]:
        """Return the whole plan, ready for `json.dumps`; `from_json` reads it back."""
        return {
            "schema_version": SCHEMA_VERSION,
            **self.totals(),
            "settings": _settings_document(self.settings),
            "rows": list(_records(self.rows, ROW_COLUMNS)),
            "holdout_users": list(_records(self.holdout, HOLDOUT_COLUMNS)),
            "excluded_users": list(_records(self.excluded_users, EXCLUDED_COLUMNS)),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Plan:
        """Read a plan back.

        Raises
        ------
        PlanError
            If the document is of another schema version, lacks something, or does not match its own digest.
        """
        if document.get("schema_version") != SCHEMA_VERSION:
            raise PlanError(f"plan: schema_version {document.get('schema_version')!r} cannot be read; {SCHEMA_VERSION} can.")
        try:
            plan = _from_document(document)
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise PlanError(f"plan: the document lacks or garbles {fault}; docs/plan.md lists what belongs into it.") from fault
        if plan.sealed().digest != document["digest"]:
            raise PlanError(f"{plan.id}: the contents do not match the digest; the document was changed after it was made.")
        return plan

    def summary(self) -> str:
        """Say the plan in a few lines."""
        settings, expected, money = self.settings, self.expected, self.settings.currency
        excluded = ", ".join(f"{n:,} ({reason})" for reason, n in self.excluded.items()) or "nobody"
        counts = ", ".join(f"{n:,} {name}" for name, n in self.action_counts.items()) or "no actions"
        budget = "no budget set" if settings.budget is None else f"budget {settings.budget:,.2f}"
        occasion = "to start on" if settings.horizon else "for the week from"
        return "\n".join(
            (
                f"{self.id} {occasion} {settings.starts_on}, by {settings.policy}",
                f"{self.audience:,} users: {counts}; {len(self.holdout):,} held out; excluded: {excluded}",
                f"expected cost {self.cost:,.2f} {money} ({budget})",
                f"expected increment over {settings.span} {expected.increment:,.2f} {money} "
                f"({settings.interval_level:.0%} interval {expected.low:,.2f} to {expected.high:,.2f}); "
                f"{expected.losses(settings.worlds)}",
                f"resting on assumed effects: {self.effect_assumed_share:.0%}"
                f"{'' if settings.horizon else ' (the course in time of all of them is assumed)'}; "
                f"on an assumed margin: {self.margin_assumed_share:.0%}",
            )
        )


def digest_of(plan: Plan) -> str:
    """Return the SHA-256 over the canonical form: one JSON value a line, amounts with six decimals, no clock."""
    sha = hashlib.sha256()
    for line in _canonical_lines(plan):
        sha.update(line.encode("ascii"))
        sha.update(b"\n")
    return sha.hexdigest()


def _canonical_lines(plan: Plan) -> Iterator[str]:
    yield _canonical({"schema_version": SCHEMA_VERSION, "settings": _settings_document(plan.settings), "totals": _totals(plan)})
    for kind, frame, columns in (
        ("row", plan.rows, ROW_COLUMNS),
        ("holdout", plan.holdout, HOLDOUT_COLUMNS),
        ("excluded", plan.excluded_users, EXCLUDED_COLUMNS),
    ):
        for record in _records(frame, columns):
            yield _canonical([kind, *record.values()])


def _canonical(value: object) -> str:
    return json.dumps(_fixed(value), sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def _fixed(value: object) -> object:
    """Write floats with six decimals, and minus zero as zero."""
    if isinstance(value, float):
        text = f"{value:.6f}"
        return "0.000000" if text == "-0.000000" else text
    if isinstance(value, Mapping):
        return {str(key): _fixed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_fixed(item) for item in value]
    return value


def _totals(plan: Plan) -> dict[str, Any]:
    return {
        "audience": plan.audience,
        "actions": len(plan.rows),
        "actions_by_name": plan.action_counts,
        "holdout": len(plan.holdout),
        "excluded": plan.excluded,
        "cost": plan.cost,
        "budget": None if plan.settings.budget is None else float(plan.settings.budget),
        "increment": plan.expected.increment,
        "low": plan.expected.low,
        "high": plan.expected.high,
        "chance_of_loss": plan.expected.chance_of_loss,
        "n_members": plan.expected.n_members,
        "increment_margin": plan.increment_margin,
        "optimiser_increment": plan.optimiser_increment,
        "share_assumed": {"effect": plan.effect_assumed_share, "margin": plan.margin_assumed_share},
        "lp_gap": plan.lp_gap,
        "lp_gap_amount": plan.lp_gap_amount,
        "budget_price": plan.budget_price,
        "capacity_prices": dict(plan.capacity_prices),
    }


def _settings_document(settings: PlanSettings) -> dict[str, Any]:
    plain = asdict(settings)
    plain["capacities"] = {name: None if limit is None else int(limit) for name, limit in settings.capacities.items()}
    for name in ("interval_level", "margin_share", "holdout_share", "budget"):
        plain[name] = None if plain[name] is None else float(plain[name])
    for name in ("horizon", "margin_of"):
        if not plain[name]:
            del plain[name]
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in plain.items()}


def _records(frame: pd.DataFrame, columns: Iterable[str]) -> Iterator[dict[str, Any]]:
    names = tuple(columns)
    for row in zip(*(frame[name].tolist() for name in names), strict=True):
        yield {name: list(value) if isinstance(value, tuple) else value for name, value in zip(names, row, strict=True)}


def plan_frame(records: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> pd.DataFrame:
    """Build a frame of a plan's rows from records; an empty one has its columns too."""
    names = list(columns)
    table = list(records)
    frame = pd.DataFrame({name: pd.Series([record[name] for record in table], dtype=_kind(name)) for name in names})
    if "reasons" in names:
        frame["reasons"] = pd.Series([tuple(record["reasons"]) for record in table], dtype=object)
    return frame


def _kind(column: str) -> type:
    return float if column in {"cost", "increment", "low", "high", "increment_margin", "propensity"} else object


def _from_document(document: Mapping[str, Any]) -> Plan:
    given = dict(document["settings"])
    for field in fields(PlanSettings):
        if field.name in {"starts_on", "as_of", "judged_as_of"} and given.get(field.name) is not None:
            given[field.name] = date.fromisoformat(given[field.name])
    return Plan(
        settings=PlanSettings(**given),
        audience=document["audience"],
        rows=plan_frame(document["rows"], ROW_COLUMNS),
        holdout=plan_frame(document["holdout_users"], HOLDOUT_COLUMNS),
        excluded_users=plan_frame(document["excluded_users"], EXCLUDED_COLUMNS),
        cost=document["cost"],
        expected=Headline(
            increment=document["increment"],
            low=document["low"],
            high=document["high"],
            chance_of_loss=document["chance_of_loss"],
            n_members=document["n_members"],
        ),
        increment_margin=document["increment_margin"],
        optimiser_increment=document["optimiser_increment"],
        effect_assumed_share=document["share_assumed"]["effect"],
        margin_assumed_share=document["share_assumed"]["margin"],
        lp_gap=document["lp_gap"],
        lp_gap_amount=document["lp_gap_amount"],
        budget_price=document["budget_price"],
        capacity_prices=document["capacity_prices"],
        digest=document["digest"],
        version=document["version"],
    )
