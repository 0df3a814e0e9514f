"""Figures of a history before anything is computed from it: how people buy, whom they were contacted by, what was set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import numbers
from reports.axes import grouped_ticks, label_rows, percent_ticks, whole_ticks
from reports.drawing import ASSUMED, ESTIMATED, INK, LINE, MUTED, UNKNOWN, Chart, draw, label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST_ROWS = 24  # rows of a chart; a table beside it has them all


def activity_chart(weekly: pd.DataFrame, *, last_fitting_week: int) -> Chart:
    """Draw orders and active users, week by week, and where the weeks that judge begin.

    Parameters
    ----------
    weekly : frame, a row a week
        week, orders, users.
    """
    weeks = weekly["week"].to_numpy()

    def paint(axes: Axes) -> None:
        orders, users = weekly["orders"].to_numpy(), weekly["users"].to_numpy()
        axes.plot(weeks, orders, color=ESTIMATED, marker="o" if len(weeks) <= 60 else None, markersize=3, label="orders")
        axes.plot(weeks, users, color=INK, linewidth=1.1, linestyle="--", label="users who ordered")
        axes.axvline(last_fitting_week + 0.5, color=MUTED, linewidth=0.9, linestyle=":", label="weeks that judge begin")
        axes.set_ylim(0, 1.05 * max(1, float(orders.max(initial=1))))
        axes.set_xlabel("week")
        whole_ticks(axes, 8)
        grouped_ticks(axes, "y")
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.99), ncols=3, fontsize=7.5, handlelength=1.6, columnspacing=1.0)

    description = (
        f"Orders a week over {numbers.plural(len(weekly), 'week')}: {numbers.number(weekly['orders'].median(), 0)} in the "
        f"middle week, from {numbers.number(weekly['orders'].min(), 0)} to {numbers.number(weekly['orders'].max(), 0)}; users "
        f"who ordered: {numbers.number(weekly['users'].median(), 0)} in the middle week."
    )
    return draw("activity", paint, description=description, height=2.6)


def bars_chart(bins: pd.DataFrame, *, name: str, title: str, axis: str, counted: str) -> Chart:
    """Draw a distribution as bars.

    Parameters
    ----------
    bins : frame, a row a bar
        label, count.
    """
    total = max(1, int(bins["count"].sum()))

    def paint(axes: Axes) -> None:
        places = range(len(bins))
        axes.bar(places, bins["count"].to_numpy(), width=0.86, color=ESTIMATED, alpha=0.85)
        step = max(1, -(-len(bins) * max(len(str(words)) for words in bins["label"]) // 34))
        shown = [place for place in places if place % step == 0]
        axes.set_xticks(shown, [str(bins["label"].iloc[place]) for place in shown], fontsize=7.5)
        axes.tick_params(axis="x", length=0)
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_title(title)
        axes.set_xlabel(axis)
        axes.set_ylabel(counted)
        grouped_ticks(axes, "y")

    said = "; ".join(f"{row['label']}: {row['count'] / total:.0%}" for row in bins.to_dict("records"))
    return draw(name, paint, description=f"{title} ({axis}), share of {counted}: {said}.", width=3.3, height=2.3)


def contacts_chart(contacts: pd.DataFrame, *, n_weeks: int) -> Chart:
    """Draw who was contacted when: a row an action, a dot a week, its area the number of contacts.

    Parameters
    ----------
    contacts : frame, a row an action and week
        action, week, contacts.
    """
    totals = contacts.groupby("action")["contacts"].sum().sort_values(ascending=False, kind="stable")
    shown = list(totals.index[:MOST_ROWS])
    largest = max(1, int(contacts["contacts"].max()))

    def paint(axes: Axes) -> None:
        for place, action in enumerate(shown):
            part = contacts[contacts["action"] == action]
            sizes = 4.0 + 110.0 * part["contacts"].to_numpy() / largest
            colour = UNKNOWN if action == "none" else ESTIMATED
            axes.scatter(part["week"].to_numpy(), [place] * len(part), s=sizes, color=colour, alpha=0.75, linewidths=0)
            axes.annotate(
                f"{int(totals[action]):,}", (1.0, place), xycoords=("axes fraction", "data"), xytext=(4, 0),
                textcoords="offset points", va="center", fontsize=8.0,
            )  # fmt: skip
        label_rows(axes, [label(str(action)) for action in shown])
        axes.set_xlim(0.2, n_weeks + 0.8)
        axes.set_xlabel("week")
        whole_ticks(axes, 8)

    said = "; ".join(f"{action} {int(totals[action]):,}" for action in shown)
    return draw("contacts", paint, description=f"Contacts by action and week; in all: {said}.", height=0.75 + 0.28 * len(shown))


def bins_chart(bins: pd.DataFrame, *, name: str = "propensities") -> Chart:
    """Draw how often an action happened against its logged probability, with the limits of chance.

    Parameters
    ----------
    bins : frame, a row a bin
        action, decisions, predicted, observed, low, high.
    """
    action = str(bins["action"].iloc[0])
    outside = (bins["observed"] < bins["low"]) | (bins["observed"] > bins["high"])

    def paint(axes: Axes) -> None:
        sorted_bins = bins.sort_values("predicted", kind="stable")
        predicted, observed = bins["predicted"].to_numpy(), bins["observed"].to_numpy()
        top = min(1.02, 1.08 * float(max(bins["high"].max(), bins["observed"].max())))
        axes.plot([0, top], [0, top], color=MUTED, linewidth=0.8, linestyle=":")
        axes.fill_between(
            sorted_bins["predicted"].to_numpy(), sorted_bins["low"].to_numpy(), sorted_bins["high"].to_numpy(),
            color=ESTIMATED, alpha=0.2, linewidth=0, label="chance",
        )  # fmt: skip
        inside = ~outside.to_numpy()
        axes.plot(predicted[inside], observed[inside], color=ESTIMATED, marker="o", markersize=5, linestyle="none", label="bin")
        if not inside.all():
            axes.plot(
                predicted[~inside], observed[~inside], color=ASSUMED, marker="x", markersize=7, markeredgewidth=1.8,
                linestyle="none", label="bin beyond chance",
            )  # fmt: skip
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_xlabel(f"logged probability of {label(action)}")
        axes.set_ylabel("share that happened")
        percent_ticks(axes)
        axes.legend(loc="upper left")

    pairs = zip(bins["predicted"], bins["observed"], strict=True)
    said = "; ".join(f"{numbers.share(one)} logged, {numbers.share(other)} happened" for one, other in pairs)
    return draw(name, paint, description=f"Calibration of {action}: {said}.", width=4.4, height=3.3)


def shares_chart(shares: pd.DataFrame, *, stands_for: bool) -> Chart:
    """Draw each action's count over its expectation, with the limits of chance; at one, it is as logged.

    Parameters
    ----------
    shares : frame, a row an action
        action, happened, expected, error, p_value.
    stands_for : bool
        Whether `expected` is what the action's rows stand for; the ratio is then of that to the decisions.
    """
    frame = shares.sort_values("p_value", kind="stable").head(MOST_ROWS)
    above, below = ("expected", "happened") if stands_for else ("happened", "expected")
    ratio = (frame[above] / frame[below]).to_numpy()
    reach = (3.29 * frame["error"] / frame[below]).to_numpy()

    def paint(axes: Axes) -> None:
        axes.axvline(1.0, color=MUTED, linewidth=0.8, linestyle=":")
        for place, (centre, half) in enumerate(zip(ratio, reach, strict=True)):
            off = abs(centre - 1.0) > half and not (stands_for and centre < 1.0 and frame["action"].iloc[place] != "none")
            axes.plot([centre - half, centre + half], [place, place], color=ASSUMED if off else ESTIMATED, linewidth=1.6)
            axes.plot([centre], [place], color=ASSUMED if off else ESTIMATED, marker="x" if off else "o", markersize=6)
        label_rows(axes, [label(str(action)) for action in frame["action"]])
        low, high = float((ratio - reach).min()), float((ratio + reach).max())
        axes.set_xlim(max(-0.05, min(0.8, low - 0.05)), min(3.0, max(1.2, high + 0.05)))
        words = "decisions the rows stand for, over decisions logged" if stands_for else "happened, over logged expectation"
        axes.set_xlabel(f"{words} (99.9 % limits of chance)")

    said = "; ".join(f"{action} {value:.3g}" for action, value in zip(frame["action"], ratio, strict=True))
    return draw("shares", paint, description=f"Actions against their logged probabilities: {said}.",
                height=0.75 + 0.28 * len(frame))  # fmt: skip


def logged_chart(values: pd.DataFrame, *, unit: str) -> Chart:
    """Draw what the log says of each action, with its interval.

    Parameters
    ----------
    values : frame, a row an action
        action, estimate, low, high.
    unit : str
        Of the axis.
    """
    rows = values.head(MOST_ROWS).to_dict("records")

    def paint(axes: Axes) -> None:
        for place, row in enumerate(rows):
            colour = INK if place == 0 else ESTIMATED
            axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1.6)
            axes.plot([row["estimate"]], [place], color=colour, marker="s" if place == 0 else "o", markersize=6)
        axes.axvline(rows[0]["estimate"], color=MUTED, linewidth=0.8, linestyle=":")
        label_rows(axes, [label(str(row["action"])) for row in rows])
        axes.set_xlabel(unit)

    said = "; ".join(f"{row['action']} {row['estimate']:.3g} ({row['low']:.3g} to {row['high']:.3g})" for row in rows)
    return draw("logged", paint, description=f"Value of always taking an action, {unit}: {said}.",
                height=0.75 + 0.28 * len(rows))  # fmt: skip


def quarantine_chart(reasons: pd.DataFrame) -> Chart:
    """Draw how many rows were set aside, by reason.

    Parameters
    ----------
    reasons : frame, a row a reason
        table, column, reason, rows.
    """
    frame = reasons.head(MOST_ROWS)
    largest = max(1, int(frame["rows"].max()))
    words = [_reason(row) for row in frame.to_dict("records")]

    def paint(axes: Axes) -> None:
        for place, count in enumerate(frame["rows"]):
            axes.barh(place, count, height=0.6, color=ASSUMED, alpha=0.85)
            axes.text(count + 0.012 * largest, place, f"{count:,}", va="center", fontsize=8.5)
        label_rows(axes, [label(said, 44) for said in words])
        axes.set_xlim(0, largest * 1.14)
        axes.spines["bottom"].set_visible(False)
        axes.set_xticks([])
        axes.grid(visible=False)

    said = "; ".join(f"{reason} {count:,}" for reason, count in zip(words, frame["rows"], strict=True))
    return draw("quarantine", paint, description=f"Rows set aside: {said}.", height=0.2 + 0.28 * len(frame))


def _reason(row: dict[object, object]) -> str:
    column = "" if numbers.is_missing(row["column"]) else f".{row['column']}"
    return f"{row['table']}{column} {row['reason']}"
