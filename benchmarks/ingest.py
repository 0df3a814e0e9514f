"""How fast a history is read, and in how much memory: order lines to the weekly panel, and a CSV file with broken rows.

Beside it, on the same generated files and in the same run, pandas does the same: the same checks of each line, lines summed to
orders, orders counted by business day, and the same panel, which is compared. Every measurement is a process of its own, whose
peak memory the operating system tells; of each job the faster of two runs counts, so that a neighbour disturbs less.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measurement import Figure, run

ROOT = Path(__file__).resolve().parent.parent
LINES, FEW_LINES, CSV_LINES = 20_000_000, 2_000_000, 10_000_000
QUICK_DIVISOR = 100
USERS, WEEKS, HOUR, FIRST_DAY = 200_000, 52, 5, "2023-01-02"
BROKEN_EVERY = 25  # of the CSV file's lines: 4 %
CSV_SECONDS = 90
_HEADER = "customer,basket,sold_at,product,quantity,paid"
_CONFIG = """\
name: Order lines
sources: {{lines: {{file: {file}}}}}
tables:
  items:
    source: lines
    columns:
      {{user_id: customer, order_id: basket, ordered_at: sold_at, product_id: product, quantity: quantity, revenue: paid}}
time: {{first_day: {first_day}, business_day_starts_at: {hour}, last_period: {weeks}, last_fitting_period: 40}}
margin_share: 0.3
actions:
  - {{name: coupon, kind: coupon, cost: 0.5, effect: assumed, response: {{purchase_lift: {{mean: 0.1, sd: 0.1}}}}}}
campaign: {{budget: 500}}
"""


def write_lines(path: Path, n_lines: int) -> None:
    """Generate order lines, four an order, in the order of time; as CSV, some of them broken in four ways."""
    import duckdb

    lines = (
        f"SELECT i, 'u' || lpad(CAST(hash(o) % {USERS} AS VARCHAR), 6, '0') AS customer, 'o' || o AS basket, "
        f"TIMESTAMP '{FIRST_DAY}' + to_seconds(CAST(o * {WEEKS * 7 * 86400} // {max(n_lines // 4, 1)} AS BIGINT)) AS sold_at, "
        "'p' || hash(i) % 5000 AS product, CAST(1 + hash(i + 7) % 4 AS INTEGER) AS quantity, "
        f"round(1 + (hash(i + 13) % 5000) / 100.0, 2) AS paid FROM (SELECT i, i // 4 AS o FROM range({n_lines}) AS t(i))"
    )
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")  # it is drawn on stdout, past Python's redirection
        connection.execute("SET memory_limit = '2GB'")
        connection.execute(f"SET temp_directory = '{path.parent}'")
        if path.suffix == ".parquet":
            connection.execute(f"COPY (SELECT * EXCLUDE (i) FROM ({lines})) TO '{path}' (FORMAT parquet)")
            return
        way = f"CASE WHEN i % {BROKEN_EVERY} = 0 THEN (i // {BROKEN_EVERY}) % 4 END"
        text = (
            f"CASE {way} WHEN 0 THEN concat_ws(',', customer, basket, sold_at) "
            "WHEN 1 THEN concat_ws(',', customer, basket, sold_at, product, quantity, 'dear') "
            "WHEN 2 THEN concat_ws(',', customer, basket, 'yesterday', product, quantity, paid) "
            "WHEN 3 THEN concat_ws(',', '', basket, sold_at, product, quantity, paid) "
            "ELSE concat_ws(',', customer, basket, sold_at, product, quantity, paid) END"
        )
        connection.execute(
            f"COPY (SELECT {text} AS \"{_HEADER}\" FROM ({lines})) TO '{path}' "
            "(FORMAT csv, HEADER true, DELIMITER '|', QUOTE '', ESCAPE '')"
        )


def write_config(file: Path) -> Path:
    """Write the configuration that maps a file of lines, and return its path."""
    path = file.with_suffix(".yaml")
    path.write_text(_CONFIG.format(file=file.name, first_day=FIRST_DAY, hour=HOUR, weeks=WEEKS), encoding="utf-8")
    return path


def our_panel(config: str) -> dict[str, float]:
    """Read the weekly panel as `read_panel` does."""
    from decision_engine.config import load_config
    from decision_engine.history import read_panel

    started = time.perf_counter()
    read = read_panel(load_config(config))
    seconds = time.perf_counter() - started
    return _told(seconds, read.panel.order_days, read.panel.revenue, read.history.n_accepted)


def our_history(config: str) -> dict[str, float]:
    """Read everything, keep every canonical table and every broken row in Parquet, and build the panel."""
    from decision_engine.config import load_config
    from decision_engine.history import read_history

    settings = load_config(config)
    started = time.perf_counter()
    history = read_history(settings)
    panel = history.panel(settings.action_set(), settings.calendar())
    seconds = time.perf_counter() - started
    counts = history.counts.iloc[0]
    if counts["read"] != counts["accepted"] + counts["quarantined"] or counts["quarantined"] != history.reasons()["rows"].sum():
        raise ValueError(f"rows are lost: {counts.to_dict()}")
    return _told(seconds, panel.order_days, panel.revenue, history.n_accepted)


def panel_by_pandas(file: str) -> dict[str, float]:
    """Do the same in pandas."""
    started = time.perf_counter()
    order_days, revenue, accepted = pandas_panel(pd.read_parquet(file))
    return _told(time.perf_counter() - started, order_days, revenue, accepted)


def csv_by_pandas(file: str) -> dict[str, float]:
    """Read the CSV file as text in pandas, passing over records that do not fit, and do the same."""
    started = time.perf_counter()
    lines = pd.read_csv(file, dtype="str", on_bad_lines="skip")
    lines["sold_at"] = pd.to_datetime(lines["sold_at"], errors="coerce", format="%Y-%m-%d %H:%M:%S")
    for column in ("quantity", "paid"):
        lines[column] = pd.to_numeric(lines[column], errors="coerce")
    order_days, revenue, accepted = pandas_panel(lines)
    return _told(time.perf_counter() - started, order_days, revenue, accepted)


def pandas_panel(lines: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, int]:
    """Validate lines, sum them to orders, and count order-days and revenue by user and week."""
    for column in ("customer", "basket", "product"):
        lines[column] = lines[column].str.strip()
    good = lines["customer"].fillna("").ne("") & lines["basket"].fillna("").ne("")
    good &= lines["sold_at"].between("1900-01-01", "2200-01-01")
    good &= np.isfinite(lines["quantity"].fillna(0)) & np.isfinite(lines["paid"])
    accepted = lines[good]
    orders = accepted.groupby(["customer", "basket"], sort=False).agg(at=("sold_at", "min"), paid=("paid", "sum")).reset_index()
    day = ((orders["at"] - pd.Timedelta(hours=HOUR)).dt.normalize() - pd.Timestamp(FIRST_DAY)) // pd.Timedelta(days=1)
    users, names = pd.factorize(orders["customer"], sort=True)
    booked = pd.DataFrame({"user": users, "day": day, "paid": orders["paid"].round(6)})
    booked = booked[booked["day"].between(0, 7 * WEEKS - 1)]
    booked["week"] = booked["day"] // 7
    shape = (len(names), WEEKS)
    order_days, revenue = np.zeros(shape, dtype=np.int16), np.zeros(shape, dtype=np.float32)
    visits = booked.loc[booked["paid"] >= 0, ["user", "week", "day"]].drop_duplicates().groupby(["user", "week"]).size()
    order_days[visits.index.get_level_values(0), visits.index.get_level_values(1)] = visits
    sums = booked.groupby(["user", "week"])["paid"].sum()
    revenue[sums.index.get_level_values(0), sums.index.get_level_values(1)] = sums
    return order_days, revenue, len(accepted)


def _told(seconds: float, order_days: np.ndarray, revenue: np.ndarray, accepted: int) -> dict[str, float]:
    return {
        "seconds": seconds,
        "accepted": float(accepted),
        "order_days": float(order_days.sum(dtype=np.int64)),
        "revenue": float(revenue.sum(dtype=np.float64)),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The faster of two runs, and the larger of their peaks; processor seconds include starting Python."""

    seconds: float
    processor_seconds: float
    gigabytes: float
    found: tuple[float, float, float]  # accepted lines, order-days, revenue


def measured(job: Callable[[str], dict[str, float]], path: Path, times: int = 2) -> Measured:
    """Run a job in processes of its own."""
    runs, peaks, works = [], [], []
    for _ in range(times):
        code = f"import json; from benchmarks.ingest import {job.__name__} as job; print(json.dumps(job({str(path)!r})))"
        process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{job.__name__} on {path.name} ended with {process.returncode}")
        runs.append(json.loads(printed))
        works.append(usage.ru_utime + usage.ru_stime)
        peaks.append(usage.ru_maxrss / (1e6 if sys.platform == "linux" else 1e9))
        print(f"{job.__name__} on {path.name}: {runs[-1]['seconds']:.2f} s, {peaks[-1]:.2f} GB", flush=True)
    first = runs[0]
    return Measured(
        seconds=min(one["seconds"] for one in runs),
        processor_seconds=min(works),
        gigabytes=max(peaks),
        found=(first["accepted"], first["order_days"], first["revenue"]),
    )


def measure(quick: bool) -> list[Figure]:
    """Return the figures of reading a history."""
    divisor = QUICK_DIVISOR if quick else 1
    n_lines, n_few, n_csv = LINES // divisor, FEW_LINES // divisor, CSV_LINES // divisor
    with tempfile.TemporaryDirectory(prefix="ingest-") as name:
        lines, few, text = (Path(name) / file for file in ("lines.parquet", "few.parquet", "lines.csv"))
        for path, n in ((lines, n_lines), (few, n_few), (text, n_csv)):
            write_lines(path, n)
        panel, peer = measured(our_panel, write_config(lines)), measured(panel_by_pandas, lines)
        whole = measured(our_history, lines.with_suffix(".yaml"), times=1)
        small = measured(our_panel, write_config(few), times=1)
        small_whole = measured(our_history, few.with_suffix(".yaml"), times=1)
        csv, csv_peer = measured(our_history, write_config(text), times=1), measured(csv_by_pandas, text, times=1)
    for ours, theirs in ((panel, peer), (whole, peer), (csv, csv_peer)):
        if not np.allclose(ours.found, theirs.found, rtol=1e-6):
            raise ValueError(f"pandas finds another panel: {ours.found}, {theirs.found}")
    size, rows = f"{n_lines:,} lines of {USERS:,} users", f"{n_csv:,} lines, {1 / BROKEN_EVERY:.0%} broken"
    return [
        Figure(name="panel_seconds", value=panel.seconds, unit="s", peer="pandas", peer_value=peer.seconds, note=size),
        Figure(
            name="panel_ratio_to_pandas", value=panel.seconds / peer.seconds, unit="ratio", to_reach="at most 0.25",
            note="lines validated and summed to orders, orders to order-days, the same panel; processor seconds "
            f"{panel.processor_seconds:.1f} and {peer.processor_seconds:.1f}",
        ),
        Figure(
            name="panel_gb", value=panel.gigabytes, unit="GB", to_reach="at most 4", peer="pandas", peer_value=peer.gigabytes,
        ),
        Figure(
            name="panel_gb_growth", value=panel.gigabytes / small.gigabytes, unit="ratio", to_reach="well below 10",
            note=f"peak memory at {n_lines:,} lines over that at {n_few:,}",
        ),
        Figure(
            name="history_seconds", value=whole.seconds, unit="s", peer="pandas, which keeps nothing", peer_value=peer.seconds,
            note="the same panel, with every canonical table kept in Parquet",
        ),
        Figure(
            name="history_gb", value=whole.gigabytes, unit="GB",
            note=f"{whole.gigabytes / small_whole.gigabytes:.2f} times that at {n_few:,} lines",
        ),
        Figure(
            name="csv_rows_per_s", value=n_csv / csv.seconds, unit="rows/s", to_reach=f"at least {CSV_LINES // CSV_SECONDS:,}",
            peer="pandas, which keeps nothing", peer_value=n_csv / csv_peer.seconds,
            note=f"{rows}: {csv.seconds:.1f} s with validation, quarantine with lines, tables in Parquet and the panel",
        ),
        Figure(name="csv_gb", value=csv.gigabytes, unit="GB", peer="pandas", peer_value=csv_peer.gigabytes),
    ]  # fmt: skip


if __name__ == "__main__":
    run("ingest", measure)
