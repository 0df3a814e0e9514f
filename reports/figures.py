"""Figures: one plain chart for each question a reader has, with words where a colour would not do.

Estimated, assumed and not identified differ by marker, line and word. Every chart carries a description in numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from reports import numbers
from reports.axes import grouped_ticks, label_rows, percent_ticks, whole_ticks
from reports.drawing import ASSUMED, ESTIMATED, INK, MUTED, UNKNOWN, Chart, draw, label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_VISIBLE = 0.005  # of the highest value: two lines closer than this are one to the eye
MOST_ROWS = 24  # rows of a chart; a table beside it has them all
_LOOKS: Mapping[str, dict[str, Any]] = {
    "identified": {"color": ESTIMATED, "marker": "o", "linestyle": "-", "fillstyle": "full"},
    "weak": {"color": ESTIMATED, "marker": "s", "linestyle": "--", "fillstyle": "none"},
    "assumed": {"color": ASSUMED, "marker": "D", "linestyle": "--", "fillstyle": "none"},
    "not identified": {"color": UNKNOWN, "marker": "x", "linestyle": ":", "fillstyle": "full"},
}
_SERIES_MARKERS = ("s", "^", "D", "v", "P", "X")


def effects_chart(effects: pd.DataFrame, *, unit: str, scale: float = 1.0) -> Chart:
    """Draw a forest plot: an estimate and its interval for each action, with its verdict in words.

    Parameters
    ----------
    effects : frame
        action, verdict, estimate, low, high; an empty estimate is said to be none.
    unit : str
        Of the axis, after multiplication by `scale`.
    """
    rows = effects.head(MOST_ROWS).to_dict("records")

    def paint(axes: Axes) -> None:
        axes.axvline(0.0, color=MUTED, linewidth=0.8)
        for place, row in enumerate(rows):
            if numbers.is_missing(row["estimate"]):
                axes.annotate("no estimate", (0.0, place), xytext=(6, 0), textcoords="offset points", va="center", color=MUTED)
                continue
            look = _LOOKS.get(str(row["verdict"]), _LOOKS["not identified"])
            line = {key: look[key] for key in ("color", "linestyle")}
            if not numbers.is_missing(row["low"]):
                axes.plot([row["low"] * scale, row["high"] * scale], [place, place], linewidth=1.6, **line)
            mark = {key: look[key] for key in ("color", "marker", "fillstyle")}
            axes.plot([row["estimate"] * scale], [place], markersize=6.5, markeredgewidth=1.5, linestyle="none", **mark)
        label_rows(axes, [f"{label(str(row['action']))}\n{row['verdict']}" for row in rows])
        axes.set_xlabel(unit)

    said = [
        f"{row['action']} ({row['verdict']}): {_estimate_words(row['estimate'], row['low'], row['high'], scale)}"
        for row in rows
    ]
    description = f"Effect of each action, {unit}. " + "; ".join(said) + "."
    return draw("effects", paint, description=description, height=0.7 + 0.4 * len(rows))


def policies_chart(policies: pd.DataFrame, *, unit: str, chosen: str, baselines: Collection[str]) -> Chart:
    """Draw each policy's value with its interval, best on top; baselines and the chosen one are marked in words.

    Parameters
    ----------
    policies : frame
        name, value, low, high.
    """
    rows = policies.sort_values("value", ascending=False, kind="stable").head(MOST_ROWS).to_dict("records")

    def role(name: str) -> str:
        said = [word for word, holds in (("baseline", name in baselines), ("chosen", name == chosen)) if holds]
        return f"{label(name)}\n{', '.join(said)}" if said else label(name)

    def paint(axes: Axes) -> None:
        axes.axvline(0.0, color=MUTED, linewidth=0.8)
        for place, row in enumerate(rows):
            colour = INK if row["name"] == chosen else UNKNOWN if row["name"] in baselines else ESTIMATED
            is_baseline = row["name"] in baselines
            look: dict[str, Any] = {"marker": "s" if is_baseline else "o", "fillstyle": "none" if is_baseline else "full"}
            axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1.6)
            axes.plot([row["value"]], [place], color=colour, markersize=6.5, markeredgewidth=1.5, **look)
        label_rows(axes, [role(str(row["name"])) for row in rows])
        axes.set_xlabel(unit)

    said = "; ".join(f"{row['name']}: {_estimate_words(row['value'], row['low'], row['high'])}" for row in rows)
    description = f"Value of each policy, {unit}: {said}. Chosen: {chosen}."
    return draw("policies", paint, description=description, height=0.7 + 0.38 * len(rows))


def weekly_chart(weekly: pd.DataFrame, *, title: str, level: float) -> Chart:
    """Draw what came, week by week, over the simulated mean and band.

    Parameters
    ----------
    weekly : frame, a row a week
        week, observed, mean, low, high.
    """
    inside = weekly["observed"].between(weekly["low"], weekly["high"])

    def paint(axes: Axes) -> None:
        weeks = weekly["week"].to_numpy()
        low, high = weekly["low"].to_numpy(), weekly["high"].to_numpy()
        axes.fill_between(weeks, low, high, color=ESTIMATED, alpha=0.22, linewidth=0, label=f"simulated, {level:.0%}")
        axes.plot(weeks, weekly["mean"].to_numpy(), color=ESTIMATED, linestyle="--", linewidth=1.2)
        axes.plot(weeks, weekly["observed"].to_numpy(), color=INK, marker="o", markersize=3, linewidth=1.2, label="observed")
        axes.set_title(title)
        axes.set_xlabel("week")
        whole_ticks(axes)
        grouped_ticks(axes, "y")
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, -0.02), ncols=2, fontsize=7.5, handlelength=1.3, columnspacing=1.0)
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom - 0.16 * (top - bottom), top)

    description = (
        f"{title}, observed and simulated, over {numbers.plural(len(weekly), 'week')}: observed inside the {level:.0%} band in "
        f"{int(inside.sum())}; observed total {numbers.number(weekly['observed'].sum(), 0)}, "
        f"simulated {numbers.number(weekly['mean'].sum(), 0)}."
    )
    return draw(f"weekly {title}", paint, description=description, width=3.3, height=2.3)


def calibration_chart(bins: pd.DataFrame, *, outcome: str, own: str, name: str = "calibration") -> Chart:
    """Draw predicted against observed shares, a line a model; on the diagonal a probability is what it says.

    Parameters
    ----------
    bins : frame, a row a model and bin
        model, predicted, observed, both in [0, 1].
    own : str
        The model that the chart is about; the others are drawn faint beside it.
    """
    models = [own, *(model for model in bins["model"].unique() if model != own)]

    def paint(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=":")
        for place, model in enumerate(models):
            part = bins[bins["model"] == model].sort_values("predicted")
            is_own = model == own
            axes.plot(
                part["predicted"].to_numpy(),
                part["observed"].to_numpy(),
                color=ESTIMATED if is_own else UNKNOWN,
                marker="o" if is_own else _SERIES_MARKERS[(place - 1) % len(_SERIES_MARKERS)],
                fillstyle="full" if is_own else "none",
                markersize=5.5 if is_own else 4.5,
                linewidth=1.6 if is_own else 0.7,
                zorder=3 if is_own else 2,
                label=label(model),
            )
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel(f"predicted chance {outcome}")
        axes.set_ylabel("share observed")
        percent_ticks(axes)
        if len(models) > 1:
            axes.legend(loc="upper left")

    part = bins[bins["model"] == own].sort_values("predicted")
    pairs = zip(part["predicted"], part["observed"], strict=True)
    said = "; ".join(
        f"{numbers.share(predicted)} predicted, {numbers.share(observed)} observed" for predicted, observed in pairs
    )
    return draw(name, paint, description=f"Calibration of the chance {outcome}, {own}: {said}.", width=4.4, height=3.5)


def budget_chart(curve: pd.DataFrame, *, currency: str, budget: float | None) -> Chart:
    """Draw what a budget buys.

    Parameters
    ----------
    curve : frame, a row a budget
        budget, value, and, where known, bound: the most that any allocation could bring, drawn where it can be told from what
        was found.
    budget : float or None
        The plan's own, marked.
    """

    def paint(axes: Axes) -> None:
        budgets = curve["budget"].to_numpy()
        if "bound" in curve and (curve["bound"] - curve["value"]).max() > _VISIBLE * curve["value"].max():
            axes.plot(budgets, curve["bound"].to_numpy(), color=MUTED, linestyle=":", linewidth=1.2, label="most possible")
        axes.plot(budgets, curve["value"].to_numpy(), color=ESTIMATED, marker="o", markersize=3.5, label="best found")
        if budget is not None and budget <= budgets.max() * 1.001:
            axes.axvline(budget, color=INK, linewidth=0.9, linestyle="--", label="the plan's budget")
        axes.set_xlabel(f"budget, {currency}")
        axes.set_ylabel(f"expected increment, {currency}")
        axes.set_ylim(bottom=min(0.0, float(curve["value"].min())))
        grouped_ticks(axes, "x")
        grouped_ticks(axes, "y")
        axes.legend(loc="lower right")

    ends = curve.sort_values("budget").iloc[[0, -1]]
    said = " to ".join(
        f"{numbers.money(value, currency)} at {numbers.money(spent, currency)}"
        for value, spent in zip(ends["value"], ends["budget"], strict=True)
    )
    return draw("budget", paint, description=f"Expected increment against budget: from {said}.", height=2.7)


def counts_chart(counts: Mapping[str, int], *, kinds: Mapping[str, str], name: str = "audience") -> Chart:
    """Draw how many users there are of each kind, as bars with their numbers.

    Parameters
    ----------
    counts : mapping of str to int
        Users by what becomes of them.
    kinds : mapping of str to str
        "action", "holdout" or "excluded" for each.
    """
    colours = {"action": ESTIMATED, "holdout": ASSUMED, "excluded": UNKNOWN}
    rows = list(counts.items())[:MOST_ROWS]
    largest = max((count for _, count in rows), default=0) or 1

    def paint(axes: Axes) -> None:
        for place, (words, count) in enumerate(rows):
            axes.barh(place, count, height=0.6, color=colours[kinds[words]], alpha=0.85)
            axes.text(count + 0.012 * largest, place, f"{count:,}", va="center", fontsize=8.5)
        label_rows(
            axes, [f"{label(words)} ({kinds[words]})" if kinds[words] != "holdout" else label(words) for words, _ in rows]
        )
        axes.set_xlim(0, largest * 1.12)
        axes.spines["bottom"].set_visible(False)
        axes.set_xticks([])
        axes.grid(visible=False)

    description = "Users: " + "; ".join(f"{words} ({kinds[words]}) {count:,}" for words, count in rows) + "."
    return draw(name, paint, description=description, height=0.15 + 0.26 * len(rows))


def _estimate_words(estimate: object, low: object, high: object, scale: float = 1.0) -> str:
    if numbers.is_missing(estimate):
        return "no estimate"
    centre = numbers.money(float(estimate) * scale)  # type: ignore[arg-type]
    if numbers.is_missing(low) or numbers.is_missing(high):
        return centre
    return f"{centre} ({numbers.interval(float(low) * scale, float(high) * scale)})"  # type: ignore[arg-type]
