"""Figures of a simulator's card: distributions compared, retention, and the curves that a head is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import numbers
from reports.axes import grouped_ticks, label_rows, whole_ticks
from reports.drawing import ESTIMATED, INK, MUTED, UNKNOWN, Chart, draw, label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_MARKERS = ("s", "^", "D", "v", "P", "X")


def marginals_chart(marginals: pd.DataFrame, *, own: str, title: str, value: str = "ks_complement") -> Chart:
    """Draw how alike each distribution is, a row a marginal and a mark a model; the right edge is the same distribution.

    Parameters
    ----------
    marginals : frame, a row a model and marginal
        model, marginal, and the column named by `value`.
    own : str
        The model that the chart is about; the others are drawn faint beside it.
    """
    table = marginals.pivot_table(index="marginal", columns="model", values=value).sort_values(own)
    others = [str(model) for model in marginals["model"].unique() if model != own]

    def paint(axes: Axes) -> None:
        places = range(len(table))
        for k, model in enumerate(others):
            axes.plot(
                table[model].to_numpy(), places, linestyle="none", marker=_MARKERS[k % len(_MARKERS)], fillstyle="none",
                color=UNKNOWN, markersize=4.5, markeredgewidth=0.8, label=label(model),
            )  # fmt: skip
        axes.plot(table[own].to_numpy(), places, linestyle="none", marker="o", color=ESTIMATED, markersize=6, label=label(own))
        label_rows(axes, [str(name).replace("_", " ") for name in table.index])
        axes.set_xlabel("Kolmogorov–Smirnov complement")
        axes.figure.legend(loc="outside lower center", ncols=3, fontsize=7.5)

    said = "; ".join(f"{str(name).replace('_', ' ')} {numbers.number(share, 3)}" for name, share in table[own].items())
    return draw(title, paint, description=f"{title}, {own}: {said}.", height=1.3 + 0.21 * len(table))


def retention_chart(curves: pd.DataFrame, *, title: str) -> Chart:
    """Draw the share of users with an order, week by week, real beside simulated with two standard errors.

    Parameters
    ----------
    curves : frame, a row a week
        week, real, simulated, standard_error.
    """
    weeks, mean = curves["week"].to_numpy(), curves["simulated"].to_numpy()
    room = 2.0 * curves["standard_error"].to_numpy()

    def paint(axes: Axes) -> None:
        axes.fill_between(weeks, mean - room, mean + room, color=ESTIMATED, alpha=0.22, linewidth=0)
        axes.plot(weeks, mean, color=ESTIMATED, linestyle="--", label="simulated")
        axes.plot(weeks, curves["real"].to_numpy(), color=INK, marker="o", markersize=3, linewidth=1.2, label="real")
        axes.set_title(title)
        axes.set_xlabel("week of the forecast")
        whole_ticks(axes)
        from matplotlib.ticker import PercentFormatter

        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.legend(loc="best", fontsize=7.5)

    worst = (curves["real"] - curves["simulated"]).abs().max()
    description = f"{title}: share of users with an order by week, real and simulated; at most {numbers.share(worst)} apart."
    return draw(f"retention {title}", paint, description=description, width=3.3, height=2.3)


def curve_chart(curve: pd.DataFrame, *, title: str) -> Chart:
    """Draw one curve of a head: what each value of a feature adds to the score.

    Parameters
    ----------
    curve : frame, a row a bin
        head, feature, unit, low, high (empty in the last), score.
    """
    feature, unit = str(curve["feature"].iloc[0]).replace("_", " "), str(curve["unit"].iloc[0])
    lows, scores = curve["low"].to_numpy(), curve["score"].to_numpy()

    def paint(axes: Axes) -> None:
        last = lows[-1] + (lows[-1] - lows[-2] if len(lows) > 1 else 1.0)
        axes.axhline(0.0, color=MUTED, linewidth=0.7)
        axes.stairs(scores, [*lows, last], color=ESTIMATED, linewidth=1.4, baseline=None)
        axes.set_title(feature)
        axes.set_xlabel(unit)
        grouped_ticks(axes, "x")
        grouped_ticks(axes, "y")

    description = (
        f"{title} by {feature}, {unit}: from {numbers.number(scores[0], 2, signed=True)} at the least "
        f"to {numbers.number(scores[-1], 2, signed=True)} at the most."
    )
    return draw(f"curve {title} {feature}", paint, description=description, width=2.4, height=1.8)
