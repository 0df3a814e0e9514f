"""Axes that several charts share: rows labelled from the top down, ticks with thousands separated, whole weeks, per cents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.drawing import INK, LINE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def label_rows(axes: Axes, labels: Sequence[str]) -> None:
    """Label the rows from the top down."""
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(len(labels) - 0.45, -0.55)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    if labels:
        grouped_ticks(axes, "x")


def grouped_ticks(axes: Axes, which: str) -> None:
    """Write the ticks of an axis with thousands separated, few of them."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator(nbins=5))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}".replace("-", "−")))


def whole_ticks(axes: Axes, most: int = 6) -> None:
    """Write whole numbers only along the x axis."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=most, integer=True))


def percent_ticks(axes: Axes) -> None:
    """Write both axes in per cent."""
    from matplotlib.ticker import PercentFormatter

    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
