"""What every benchmark prints: figures with their units, what they should reach and a peer beside them, as one JSON document.

A benchmark is a file that defines ``measure(quick) -> list[Figure]`` and ends with ``run("its name", measure)``. It is started
as ``python benchmarks/NAME.py [--quick] [--json]``: with ``--json`` it prints the document and nothing else on stdout,
without it a table to read.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number.

    Attributes
    ----------
    value : float or None
        What was measured, in `unit`; None where it could not be, with the reason in `note`.
    to_reach : str
        The bar, in words that name the direction, such as ``"at most 10"``; empty where there is none.
    peer, peer_value : str, float or None
        Another way of doing the same, measured in the same run; empty and None where there is none.
    """

    name: str
    value: float | None
    unit: str
    to_reach: str = ""
    peer: str = ""
    peer_value: float | None = None
    note: str = ""


def machine() -> dict[str, str | int | float]:
    """Return what the figures were measured on: cores usable here, memory, processor, Python."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    facts: dict[str, str | int | float] = {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": cores,
        "python": platform.python_version(),
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        facts["memory_gb"] = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = [
            line.split(":", 1)[1].strip() for line in information.read_text().splitlines() if line.startswith("model name")
        ]
        facts["processor"] = names[0] if names else platform.machine()
    return facts


def document(benchmark: str, figures: Sequence[Figure], *, seconds: float) -> dict[str, object]:
    """Return the document of one benchmark, ready for JSON.

    Examples
    --------
    >>> made = document("sums", [Figure(name="rows", value=3.0, unit="count")], seconds=0.25)
    >>> sorted(made)
    ['benchmark', 'figures', 'machine', 'seconds']
    >>> made["figures"][0]["value"]
    3.0
    """
    return {
        "benchmark": benchmark,
        "machine": machine(),
        "seconds": round(seconds, 3),
        "figures": [asdict(figure) for figure in figures],
    }


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as lines to read.

    Examples
    --------
    >>> print(table([Figure(name="help_seconds", value=0.31, unit="s", to_reach="at most 0.5", note="median of 5")]))
    help_seconds  0.31 s  (to reach: at most 0.5; median of 5)
    """
    width = max((len(figure.name) for figure in figures), default=0)
    lines = []
    for figure in figures:
        value = "not measured" if figure.value is None else f"{figure.value:,.4g} {figure.unit}"
        peer = "" if figure.peer_value is None else f"{figure.peer}: {figure.peer_value:,.4g} {figure.unit}"
        bar = f"to reach: {figure.to_reach}" if figure.to_reach else ""
        remarks = "; ".join(part for part in (bar, peer, figure.note) if part)
        lines.append(f"{figure.name:<{width}}  {value}" + (f"  ({remarks})" if remarks else ""))
    return "\n".join(lines)


def run(benchmark: str, measure: Callable[[bool], Sequence[Figure]], arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure, and print the document or the table.

    Parameters
    ----------
    measure : function
        Takes whether small sizes are asked for and returns the figures. What it prints goes to stderr.
    arguments : sequence of str, optional
        The command line without the program's name; the process's own by default.
    """
    parser = argparse.ArgumentParser(description=f"Benchmark {benchmark}.")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that the benchmark runs, not how fast")
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout and nothing else")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    with redirect_stdout(sys.stderr):
        figures = list(measure(options.quick))
    seconds = time.perf_counter() - started
    if options.json:
        print(json.dumps(document(benchmark, figures, seconds=seconds), indent=2, allow_nan=False))
    else:
        print(table(figures))
