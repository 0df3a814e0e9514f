"""The snapshot: what is known of each user at the end of the history, and how far it can be trusted.

What predicts is judged first, fitted on the fitting weeks and held against the weeks after them; then it is fitted again on all
weeks, and speaks of every user as of the history's end.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from decision_engine.history.split import sample_users
from decision_engine.profiles.churn import ChurnModel, fit_churn
from decision_engine.profiles.churn_judgement import ChurnJudgement, judge_churn
from decision_engine.profiles.interests import category_labels, favourite_categories, read_tastes
from decision_engine.profiles.purchases import Purchases, read_purchases
from decision_engine.profiles.recommend.judge import RecommendationJudgement, judge_recommendations
from decision_engine.profiles.recommend.shortlist import named, shortlist
from decision_engine.profiles.rfm import rfm_segments
from decision_engine.profiles.segments import life_stages, stage_frame
from decision_engine.profiles.value import recent_margin, value_tiers
from simulations.arrays import Float32Array
from simulations.errors import HistoryError
from simulations.features import observe
from simulations.panel import WeeklyPanel
from simulations.state import UserStates, V, fold

_MOST_JUDGED = 20_000  # users whose recommendations are judged; more would move no figure
SHORTLIST_COLUMNS = ("user_id", "rank", "product_id", "title", "kind", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    """Everyone's profile at the end of the history.

    Attributes
    ----------
    users : DataFrame
        A row a user of the panel, in its order: user_id, p_no_return, value_tier, recent_margin (26 weeks, currency),
        life_stage, recency_score, frequency_score, monetary_score, rfm_segment, favourite_categories, recommendation,
        recommended_product_id, recommendation_reason. What the history does not tell has no column; `notes` say so.
    shortlists : DataFrame
        A row a user and recommended product: user_id, rank, product_id, title, kind, reason. No row without order lines.
    segments : DataFrame
        A row a life stage: life_stage, n_users, share, mean_margin, mean_p_no_return.
    churn : ChurnJudgement or None
        Figures on held-out weeks; None where there are too few weeks.
    recommendation : RecommendationJudgement or None
        Hit rates on held-out weeks.
    churn_model : ChurnModel or None
        Fitted on all weeks: the one behind `p_no_return`.
    as_of : date
        First business day after the history: what is before it is known.
    notes : tuple of str
        What is missing and why.
    """

    users: pd.DataFrame
    shortlists: pd.DataFrame
    segments: pd.DataFrame
    churn: ChurnJudgement | None
    recommendation: RecommendationJudgement | None
    churn_model: ChurnModel | None
    as_of: date
    notes: tuple[str, ...]

    def summary(self) -> str:
        """Say who is there and how well the predictions did, to be read aloud."""
        stages = ", ".join(
            f"{n:,} {stage}" for stage, n in zip(self.segments["life_stage"], self.segments["n_users"], strict=True)
        )
        judged = [judgement.summary() for judgement in (self.churn, self.recommendation) if judgement is not None]
        return " ".join([f"{len(self.users):,} users as of {self.as_of}: {stages}.", *judged, *self.notes])


def profile_users(
    panel: WeeklyPanel,
    items: pd.DataFrame,
    products: pd.DataFrame,
    *,
    n_fitting_periods: int,
    horizon_weeks: int = 8,
    margin_share: float,
    seed: int,
    never_recommend: Collection[str] = (),
) -> Profiles:
    """Profile every user of a panel.

    Parameters
    ----------
    panel : WeeklyPanel
        All weeks; its calendar says when a business day starts.
    items, products : DataFrame
        Canonical tables, with no row where they are not mapped.
    n_fitting_periods : int
        Weeks that fit while predictions are judged on the others; at the end all weeks fit.
    never_recommend : collection of str
        Categories whose products nobody is recommended, fuel for example; they still count as interests.
    """
    states = fold(panel)
    observations = observe(states)
    notes: list[str] = []
    judgement = _judge_churn(panel, n_fitting_periods, horizon_weeks, seed, notes)
    model = _churn_model(panel, horizon_weeks, seed, notes)
    users = pd.DataFrame({"user_id": pd.Series(panel.user_ids).astype("str")})
    if model is not None:
        users["p_no_return"] = _chances(model, panel, states, observations)
    margin = recent_margin(panel, margin_share)
    users = users.assign(value_tier=value_tiers(margin), recent_margin=margin, life_stage=life_stages(observations))
    users = pd.concat([users, rfm_segments(states, panel)], axis=1)
    purchases = read_purchases(items, products, panel)
    interests, shortlists = _interests_and_shortlists(purchases, panel, never_recommend, notes)
    return Profiles(
        users=pd.concat([users, interests], axis=1),
        shortlists=shortlists,
        segments=stage_frame(users),
        churn=judgement,
        recommendation=_judge_recommendations(purchases, panel, n_fitting_periods, notes),
        churn_model=model,
        as_of=panel.calendar.start_of(panel.n_periods),
        notes=tuple(notes),
    )


def _judge_churn(panel: WeeklyPanel, n_fitting: int, horizon: int, seed: int, notes: list[str]) -> ChurnJudgement | None:
    try:
        return judge_churn(fit_churn(panel, n_fitting, horizon, seed), panel)
    except HistoryError as reason:
        notes.append(f"The chance not to return is not judged: {reason}")
        return None


def _churn_model(panel: WeeklyPanel, horizon: int, seed: int, notes: list[str]) -> ChurnModel | None:
    try:
        model = fit_churn(panel, panel.n_periods, horizon, seed)
    except HistoryError as reason:
        notes.append(f"There is no chance not to return: {reason}")
        return None
    if not model.trees:
        notes.append(
            f"Too few users stayed away, or came back, to learn who: everyone has the same chance, {model.base_rate:.1%}."
        )
    return model


def _chances(model: ChurnModel, panel: WeeklyPanel, states: UserStates, observations: Float32Array) -> pd.Series:
    """Missing for who never ordered: one cannot return who never came."""
    chance = pd.Series(model.chance(observations, panel.user_keys))
    return chance.where(states.values[:, V.ACTIVE_WEEKS] > 0)


def _interests_and_shortlists(
    purchases: Purchases, panel: WeeklyPanel, never_recommend: Collection[str], notes: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what the order lines tell: columns beside the users, and the shortlists."""
    if not purchases.size:
        notes.append("No order line names a product: there are no favourite categories and no recommendations.")
        return pd.DataFrame(index=range(panel.n_users)), pd.DataFrame({name: [] for name in SHORTLIST_COLUMNS})
    columns: dict[str, pd.Series] = {}
    tastes = read_tastes(purchases)
    if purchases.catalogue.n_categories:
        columns["favourite_categories"] = category_labels(favourite_categories(tastes), purchases)
    else:
        notes.append("No product has a category: there are no favourite categories, and recommendations do without.")
    lists = shortlist(purchases.without_categories(never_recommend), tastes, 7 * panel.n_periods)
    shortlists = named(lists, panel.user_ids, purchases.catalogue)
    first = shortlists[lists["rank"].to_numpy() == 1].set_index(lists.loc[lists["rank"] == 1, "user"].to_numpy())
    first = first.reindex(range(panel.n_users))
    columns |= {
        "recommendation": first["title"],
        "recommended_product_id": first["product_id"],
        "recommendation_reason": first["reason"],
    }
    return pd.DataFrame(columns), shortlists


def _judge_recommendations(
    purchases: Purchases, panel: WeeklyPanel, n_fitting: int, notes: list[str]
) -> RecommendationJudgement | None:
    if not purchases.size:
        return None
    if panel.n_users > _MOST_JUDGED:
        chosen = sample_users(panel.user_keys, _MOST_JUDGED / panel.n_users, "judged recommendations")
        purchases = purchases.of_users(np.asarray(chosen))
    try:
        return judge_recommendations(purchases, n_fitting, panel.n_periods)
    except HistoryError as reason:
        notes.append(f"Recommendations are not judged: {reason}")
        return None
