"""Findings: what is wrong with a configuration, collected and told in one message."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from decision_engine.config.origin import Origin, Place
from simulations.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong.

    Attributes
    ----------
    place : tuple
        Keys and indices that lead to it.
    problem, remedy : str
        What is wrong, and what would be right: sentences without their full stop.
    first : tuple
        Keys and indices of what stands there first, where this repeats it.
    lacks : tuple
        Keys and indices of what is missing, where something is.
    supplies : tuple
        Keys and indices of what will be there once this is mended: that it is missing is then no finding of its own.
    """

    place: Place
    problem: str
    remedy: str = ""
    first: Place = ()
    lacks: Place = ()
    supplies: Place = ()

    def say(self, origin: Origin) -> str:
        """Return it as one line."""
        remedy = self.remedy[:1].upper() + self.remedy[1:]
        stop = "" if remedy.endswith(("?", ".")) else "."
        first = f", first {origin.on_line(self.first)}" if self.first else ""
        return f"{origin.where(self.place)}: {self.problem}{first}." + (f" {remedy}{stop}" if remedy else "")


def raise_findings(findings: Iterable[Finding], origin: Origin) -> None:
    """Raise one `ConfigError` that tells all findings, in the order of their lines; do nothing if there are none.

    What is missing only because its key is misspelt is not told twice.
    """
    found = list(dict.fromkeys(findings))
    supplied = {finding.supplies for finding in found if finding.supplies}
    own = [finding for finding in found if finding.lacks not in supplied]
    told = sorted(own, key=lambda finding: origin.locate(finding.place)[1] or 0)
    if not told:
        return
    if len(told) == 1:
        raise ConfigError(told[0].say(origin))
    raise ConfigError(
        "\n".join([f"{origin.name}: {len(told)} things to mend.", *(f"  {finding.say(origin)}" for finding in told)])
    )


def nearest(wrong: str, allowed: Sequence[str]) -> str:
    """Return what may have been meant; nothing where no name is near."""
    close = get_close_matches(wrong, allowed, n=1, cutoff=0.6) or [name for name in allowed if name.lower() == wrong.lower()]
    return close[0] if close else ""


def say_no_file(path: Path) -> str:
    """Say what stands where a file was expected: a link to nowhere, a device; nothing where nothing does, or a folder."""
    if path.is_symlink() and not os.path.exists(path):
        return f"{path} is a link to {os.readlink(path)}, where no file is"
    return f"{path} is no file, but a device or a pipe" if os.path.exists(path) and not path.is_dir() else ""


def suggest_file(wrong: str, beside: Sequence[str]) -> str:
    """Say which file in the folder may have been meant; endings, which most files share, do not count.

    Examples
    --------
    >>> suggest_file("order.csv", ["orders.csv", "people.csv"]), suggest_file("nope.csv", ["orders.csv", "people.csv"])
    ('did you mean `orders.csv`?', 'in that folder there are orders.csv, people.csv')
    """
    stems = {name.split(".")[0]: name for name in reversed(beside)}
    if close := nearest(wrong.split(".")[0], list(stems)):
        return f"did you mean `{stems[close]}`?"
    more = f" and {len(beside) - 8} more" if len(beside) > 8 else ""
    return f"in that folder there {'is' if len(beside) == 1 else 'are'} {', '.join(beside[:8])}{more}"


def suggest(wrong: str, allowed: Sequence[str]) -> str:
    """Say what may have been meant, and else what is allowed.

    Examples
    --------
    >>> suggest("budgt", ["budget", "holdout_share"])
    'did you mean `budget`?'
    >>> suggest("zzz", ["budget", "holdout_share"])
    'allowed are budget, holdout_share'
    """
    if close := nearest(wrong, allowed):
        return f"did you mean `{close}`?"
    shown = ", ".join(allowed[:20]) + (f" and {len(allowed) - 20} more" if len(allowed) > 20 else "")
    return f"allowed are {shown}" if allowed else "none is allowed here"
