"""Files without a header: `names` names their columns, no row is lost, and `init` recognises them by their values."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.history import History, read_history, write_starter
from decision_engine.history.starter import Starter
from decision_engine.history.text_layout import layout_of
from simulations.errors import ConfigError, HistoryError

N = 600


def _purchases() -> pd.DataFrame:
    """Draw rows of customer, day, pieces and amount, as a well-known public set of purchases has them."""
    rng = np.random.default_rng(7)
    day = pd.Timestamp("1997-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 300, N)), unit="D")
    return pd.DataFrame({
        "who": [f"{k:05d}" for k in rng.integers(1, 150, N)], "day": day.strftime("%Y%m%d"),
        "pieces": rng.integers(1, 6, N), "paid": np.round(rng.gamma(2, 12, N) + 0.01, 2),
    })  # fmt: skip


def _start(folder: Path, text: str, name: str = "sales.csv") -> tuple[Starter, History]:
    packed = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
    (folder / name).write_bytes(packed)
    starter = write_starter([str(folder / name)], folder / "config.yaml")
    return starter, read_history(load_config(folder / "config.yaml"))


@pytest.mark.parametrize(("separator", "name"), [(",", "sales.csv"), ("\t", "sales.txt"), (",", "sales.csv.gz")])
def test_every_row_of_a_file_without_a_header_is_read(tmp_path: Path, separator: str, name: str) -> None:
    frame = _purchases()
    starter, history = _start(tmp_path, frame.to_csv(index=False, header=False, sep=separator), name)
    items = history.table("items")
    assert "names: [column_1, column_2, column_3, column_4]" in starter.text
    assert list(items["user_id"]) == list(frame["who"])
    assert items["revenue"].sum() == pytest.approx(frame["paid"].sum())
    assert items["quantity"].sum() == frame["pieces"].sum()
    assert list(items["ordered_at"].dt.strftime("%Y%m%d")) == list(frame["day"])
    assert any("has no header" in words and "take `names` out" in words for words in starter.taken)


@pytest.mark.parametrize(
    "text",
    [
        "customer,2019-01,2019-02\n" + "anna,11.50,12.75\n" * 9,  # months as columns
        "who,when,paid\n" + "u1,2024-01-01,3.5\n" * 9,
        "a,b,c\n" + "x,y,z\n" * 9,  # words above words: nothing tells
        "1,2,3\n" + "4,5,6\n" * 9,
        "id,v1,v2\n" + "7,0.5,0.25\n" * 9,
        "\n  \n" * 9,
        "",
    ],
)
def test_names_above_values_stay_a_header(tmp_path: Path, text: str) -> None:
    (tmp_path / "file.csv").write_text(text)
    assert "names" not in layout_of(tmp_path / "file.csv", "utf-8")


CONFIG = """
name: Shop
currency: USD
sources:
  sales: {{file: sales.csv, names: {names}}}
tables:
  orders: {{source: sales, columns: {{user_id: who, order_id: number, ordered_at: day, revenue: paid}}}}
time: {{first_day: 2024-01-01, last_period: 8, last_fitting_period: 6}}
effect_horizon_weeks: 2
policy_horizon_weeks: 4
margin_share: 0.3
margin_source: assumed
campaign: {{budget: 10}}
actions:
  - {{name: mail, kind: recommendation, channel: email, cost: 0.1, effect: assumed,
     response: {{purchase_lift: {{mean: 0.05, sd: 0.1}}, duration_weeks: 2}}}}
"""


def _configured(folder: Path, text: str, names: str = "[number, who, day, paid]") -> History:
    (folder / "sales.csv").write_text(text, newline="")
    (folder / "config.yaml").write_text(CONFIG.format(names=names))
    return read_history(load_config(folder / "config.yaml"))


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("odd", ['"an\nopen, value"', "plain"])
def test_rows_set_aside_keep_their_lines(tmp_path: Path, ends: str, odd: str) -> None:
    rows = [f"{k},u{k % 5},2024-01-{k % 28 + 1:02d},{k}.50" for k in range(30)]
    rows[4], rows[9], rows[20] = "4,u4,2024-01-05,dear", "9,u4", f"20,{odd},2024-01-05,2.5"
    rows[25] = "25,u1,never,3"
    history = _configured(tmp_path, ends.join(rows) + ends)
    aside = history.quarantine
    shift = int("\n" in odd)
    assert list(aside["line"]) == [5, 10, 26 + shift]
    assert list(aside["row"]) == [5, 10, 26]
    assert "2 values where `names` lists 4 columns" in set(aside["reason"])
    assert len(history.table("orders")) == 27


def test_a_quote_that_nobody_closes_takes_its_line_alone(tmp_path: Path) -> None:
    rows = [f"{k},u{k % 5},2024-01-{k % 28 + 1:02d},{k}.50" for k in range(30)]
    rows[0] = '0,"u0,2024-01-01,1.0'
    history = _configured(tmp_path, "\n".join(rows) + "\n")
    assert (len(history.table("orders")), list(history.quarantine["line"])) == (29, [1])


def test_names_that_do_not_fit_are_one_message(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"line 1 holds 4 values, and `names` names 3 columns"):
        _configured(tmp_path, "1,u1,2024-01-01,3.5\n", "[number, who, day]")
    with pytest.raises(ConfigError, match="`names` must give each column a name of its own"):
        _configured(tmp_path, "1,u1,2024-01-01,3.5\n", "[number, who, day, Who]")
