"""Drawing: a chart as SVG that takes its colours from the page around it, so that it reads by day and by night.

Charts are painted in a few fixed inks, each of which stands for a colour of the page and is replaced by its name; text stays
text. The same chart gives the same bytes: no clock, no random names.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reports.markup import Html, element, escaped, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, LINE = "#1c2126", "#5c656e", "#dcdfe2"
ESTIMATED, ASSUMED, UNKNOWN = "#1f5f99", "#9a4f00", "#6b6f76"
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    ESTIMATED: "--estimated",
    ASSUMED: "--assumed",
    UNKNOWN: "--unknown",
}
WIDTH = 5.0  # inches, 72 units each: a page's text column, and still legible at a phone's width
_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "reports",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.unicode_minus": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9.0,
    "axes.titlesize": 9.5,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawn chart.

    Attributes
    ----------
    svg : Html
        To stand inside a page.
    description : str
        What it shows, for those who do not see it.
    """

    svg: Html
    description: str


def draw(name: str, paint: Callable[[Axes], None], *, description: str, width: float = WIDTH, height: float = 3.0) -> Chart:
    """Return what `paint` puts on empty axes.

    Parameters
    ----------
    name : str
        Distinct among the charts of a page: it begins the names inside.
    width, height : float
        In inches of 72 units.
    """
    from io import StringIO

    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    written = StringIO()
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the reader's fonts write the text, not ours
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        paint(axes)
        figure.savefig(written, format="svg", metadata={"Date": None})
    return Chart(svg=_inline(written.getvalue(), name, description, width / WIDTH), description=description)


def figure(chart: Chart, caption: str) -> Html:
    """Return a chart with its caption."""
    return element("figure", chart.svg, element("figcaption", caption))


def panels(charts: list[Chart], caption: str) -> Html:
    """Return charts side by side, one below the other on a narrow screen, with one caption."""
    return element("figure", element("div", *(chart.svg for chart in charts), class_="panels"), element("figcaption", caption))


def label(words: str, longest: int = 30) -> str:
    """Return words fit to stand in a chart: printable, and cut where they are too long.

    Examples
    --------
    >>> label("a name that goes on and on", 12)
    'a name that…'
    """
    sound = printable(words)
    return sound if len(sound) <= longest else sound[: longest - 1].rstrip() + "…"


def _inline(svg: str, name: str, description: str, part: float) -> Html:
    """Make a file of its own fit to stand in a page, `part` of a text column wide."""
    body = printable(svg[svg.index("<svg") :])
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    opening = body[: body.index(">") + 1]
    box = re.search(r'viewBox="[^"]*"', opening)
    assert box is not None
    prefix = re.sub(r"[^a-z0-9]+", "-", name.lower())
    rest = body[len(opening) :].replace("xlink:href", "href")
    referenced = set(re.findall(r'(?:href="|url\()#([^")]+)', rest))
    rest = re.sub(r' id="([^"]*)"', lambda found: f' id="{prefix}-{found[1]}"' if found[1] in referenced else "", rest)
    rest = re.sub(r'(href="|url\()#', rf"\1#{prefix}-", rest)
    rest = re.sub(r' (?:d|x|y|transform)="[^"]*"', lambda place: re.sub(r"(\d\.\d\d)\d+", r"\1", place[0]), rest)
    for ink, variable in _VARIABLES.items():
        rest = rest.replace(ink, f"var({variable})")
    rest = re.sub(r"<style.*?</style>", "", rest, flags=re.DOTALL)
    rest = re.sub(r"font-family: [^;\"]*; *", "", rest)
    rest = re.sub(r"\n\s*", "\n", rest)
    size = f"--part: {part:.3f}"
    return Html(f'<svg {box[0]} style="{size}" role="img" aria-label="{escaped(description)}">{rest.strip()}')
