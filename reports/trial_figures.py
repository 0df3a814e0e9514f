"""Figures of an experiment before its effects are looked at: group sizes, covariates side by side, outcomes by group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import numbers
from reports.axes import label_rows
from reports.drawing import ASSUMED, ESTIMATED, INK, LINE, MUTED, UNKNOWN, Chart, draw, label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_MOST_COVARIATES = 24  # of the love plot: those furthest out; the table has more
_LEGEND_SIGNS, _SIGNS_BETWEEN = 72, 7  # that fit beside each other in a legend; that a mark and its gaps take
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
_COLOURS = (ESTIMATED, ASSUMED, INK, UNKNOWN)
_CHANCE = 3.29  # standard errors of a normal that chance leaves once in a thousand


def groups_chart(groups: pd.DataFrame) -> Chart:
    """Draw the users of each group, and a mark where its declared share lies.

    Parameters
    ----------
    groups : frame, a row a group
        action, users, share; declared_share where declared.
    """
    rows = groups.to_dict("records")
    total = max(1, int(groups["users"].sum()))
    declared = [row.get("declared_share") for row in rows]

    def paint(axes: Axes) -> None:
        for place, (row, meant) in enumerate(zip(rows, declared, strict=True)):
            axes.barh(place, row["share"], height=0.55, color=ESTIMATED if row["action"] != "none" else UNKNOWN, alpha=0.8)
            told = f"{row['users']:,} users, {numbers.share(row['share'])}"
            edge = row["share"]
            if meant is not None and not numbers.is_missing(meant):
                edge = max(edge, float(meant))
                reach = _CHANCE * (float(meant) * (1.0 - float(meant)) / total) ** 0.5
                off = abs(row["share"] - float(meant)) > reach
                axes.plot([meant, meant], [place - 0.4, place + 0.4], color=ASSUMED if off else INK, linewidth=2.2)
                told += f" (meant: {numbers.share(meant)})"
            axes.annotate(told, (edge, place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8.5)
        label_rows(axes, [label(str(row["action"]), 22) for row in rows])
        axes.set_xlim(0, 1.9 * max(float(groups["share"].max()), *(float(one) for one in declared if one)) if any(declared)
                      else 1.7 * float(groups["share"].max()))  # fmt: skip
        axes.spines["bottom"].set_visible(False)
        axes.set_xticks([])
        axes.grid(visible=False)

    said = "; ".join(
        f"{row['action']} {row['users']:,} users ({numbers.share(row['share'])}"
        + (f", {numbers.share(meant)} meant)" if meant is not None and not numbers.is_missing(meant) else ")")
        for row, meant in zip(rows, declared, strict=True)
    )
    return draw("groups", paint, description=f"Users by group: {said}.", height=0.3 + 0.36 * len(rows))


def love_chart(balance: pd.DataFrame) -> Chart:
    """Draw each covariate's difference from the control group, those furthest out first, with the limits of chance.

    Parameters
    ----------
    balance : frame, a row a treatment and covariate
        action, covariate, difference (in standard deviations), z.
    """
    furthest = balance.assign(far=balance["z"].abs()).groupby("covariate")["far"].max()
    shown = list(furthest.sort_values(ascending=False, kind="stable").index[:_MOST_COVARIATES])
    actions = list(balance["action"].unique())
    part = balance[balance["covariate"].isin(shown)]
    errors = (part["difference"].abs() / part["z"].abs().clip(lower=1e-9))[part["z"].abs() > 1e-6]
    reach = _CHANCE * float(errors.max()) if len(errors) else 0.0

    names = [label(str(action), 18) for action in actions]
    n_columns = max(1, min(4, _LEGEND_SIGNS // (max(map(len, names), default=0) + _SIGNS_BETWEEN)))

    def paint(axes: Axes) -> None:
        axes.axvspan(-reach, reach, color=ESTIMATED, alpha=0.12, linewidth=0, label="chance")
        axes.axvline(0.0, color=MUTED, linewidth=0.8, linestyle=":")
        for place, action in enumerate(actions):
            mine = part[part["action"] == action]
            axes.plot(
                mine["difference"].to_numpy(), [shown.index(name) for name in mine["covariate"]],
                color=_COLOURS[place % len(_COLOURS)], marker=_MARKERS[place % len(_MARKERS)], markersize=5.5,
                fillstyle="full" if place == 0 else "none", linestyle="none", label=names[place],
            )  # fmt: skip
        label_rows(axes, [label(str(name), 26) for name in shown])
        widest = 1.15 * max(reach, float(part["difference"].abs().max()), 0.02)
        axes.set_xlim(-widest, widest)
        axes.set_xlabel("difference, standard deviations")
        axes.legend(
            loc="lower left", bbox_to_anchor=(-0.02, 0.99), ncols=n_columns, fontsize=8.0, handlelength=1.4, columnspacing=1.0
        )  # fmt: skip

    far = part.loc[part["z"].abs().sort_values(ascending=False, kind="stable").index].head(5)
    said = "; ".join(f"{row['covariate']} ({row['action']}) {row['difference']:+.3f}" for row in far.to_dict("records"))
    return draw("balance", paint, description=f"Difference from the control group, the furthest: {said}.",
                height=0.95 + 0.24 * len(shown) + 0.2 * (len(names) // n_columns))  # fmt: skip


def outcome_chart(outcomes: pd.DataFrame, *, name: str, title: str, part: bool) -> Chart:
    """Draw one figure of an outcome, a row a group, with its interval.

    Parameters
    ----------
    outcomes : frame, a row a group
        action, estimate, low, high.
    part : bool
        Whether the figure is a share of users.
    """
    rows = outcomes.to_dict("records")

    def written(value: object) -> str:
        return numbers.share(value) if part else numbers.number(value)

    def paint(axes: Axes) -> None:
        for place, row in enumerate(rows):
            colour = UNKNOWN if row["action"] == "none" else ESTIMATED
            axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1.8)
            axes.plot([row["estimate"]], [place], color=colour, marker="s" if row["action"] == "none" else "o", markersize=6)
            axes.annotate(
                written(row["estimate"]), (row["estimate"], place), xytext=(0, 6), textcoords="offset points", ha="center",
                fontsize=8.0,
            )  # fmt: skip
        label_rows(axes, [label(str(row["action"]), 16) for row in rows])
        axes.set_ylim(len(rows) - 0.45, -0.75)
        axes.margins(x=0.12)
        axes.set_title(label(title, 40))
        if part:
            from matplotlib.ticker import MaxNLocator, PercentFormatter

            axes.xaxis.set_major_formatter(PercentFormatter(1.0))
            axes.xaxis.set_major_locator(MaxNLocator(nbins=4))

    said = "; ".join(
        f"{row['action']} {written(row['estimate'])} ({written(row['low'])} to {written(row['high'])})" for row in rows
    )
    return draw(name, paint, description=f"{title}: {said}.", width=3.3, height=0.85 + 0.34 * len(rows))


def amounts_chart(amounts: pd.DataFrame, *, axis: str) -> Chart:
    """Draw how the amounts of those who have any are spread, a line a group.

    Parameters
    ----------
    amounts : frame, a row a group and bar
        action, label, share (of the group's users).
    """
    labels = list(amounts["label"].unique())
    actions = list(amounts["action"].unique())

    def paint(axes: Axes) -> None:
        for place, action in enumerate(actions):
            mine = amounts[amounts["action"] == action]
            axes.plot(
                range(len(mine)), mine["share"].to_numpy(), color=_COLOURS[(place - 1) % len(_COLOURS)] if place else UNKNOWN,
                marker=_MARKERS[place % len(_MARKERS)], markersize=4.5, linewidth=1.3,
                label=label(str(action), 18),
            )  # fmt: skip
        step = max(1, -(-len(labels) * max(map(len, labels)) // 52))
        shown = range(0, len(labels), step)
        axes.set_xticks(list(shown), [labels[place] for place in shown], fontsize=8.0)
        from matplotlib.ticker import PercentFormatter

        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_ylim(bottom=0)
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_xlabel(axis)
        axes.set_ylabel("of the group's users")
        axes.legend(loc="upper right")

    said = "; ".join(
        f"{action}: " + ", ".join(f"from {row['label']} {numbers.share(row['share'])}" for row in mine.to_dict("records"))
        for action, mine in amounts.groupby("action", sort=False)
    )
    return draw("amounts", paint, description=f"Spread of {axis} by group, of those who have any: {said}.", height=2.8)
