"""Text files as people keep them: blanks between values, titles above the header, a hint for Excel on the first line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.history import History, read_history, write_starter
from simulations.errors import ConfigError, HistoryError

N = 400


def _sales() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    day = pd.Timestamp("2023-01-02") + pd.to_timedelta(np.sort(rng.integers(0, 200, N)), unit="D")
    return pd.DataFrame({
        "customer": [f"{k:05d}" for k in rng.integers(1, 90, N)], "date": day.strftime("%Y-%m-%d"),
        "receipt": np.arange(N) + 1, "amount": np.round(rng.gamma(2, 12, N) + 0.01, 2),
    })  # fmt: skip


def _read(folder: Path, file: Path) -> History:
    write_starter([str(file)], folder / "config.yaml")
    return read_history(load_config(folder / "config.yaml"))


def _as_text(*, above: str = "", header: bool = True, sep: str = ",") -> str:
    return above + _sales().to_csv(index=False, header=header, sep=sep)


def _in_columns(*, header: bool) -> str:
    """Write values under each other with blanks between them, as old statistics programs do."""
    return "\n".join(f" {line}" for line in _sales().to_string(index=False, header=header).splitlines()) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        _in_columns(header=True),
        _in_columns(header=False),
        _in_columns(header=True).replace("\n", "\r\n"),
        _as_text(above="Sales of all shops\nprinted 2023-08-01\n\n"),
        _as_text(above="Sales of all shops,,,\n,,,\n"),
        _as_text(above="sep=;\n", sep=";"),
        _as_text(above='"A title, with a comma in it"\n', sep=";"),
    ],
    ids=[
        "columns",
        "columns without a header",
        "columns of Windows",
        "titles",
        "a title over empty cells",
        "sep",
        "quoted title",
    ],
)
def test_every_row_is_read_whatever_the_layout(tmp_path: Path, text: str) -> None:
    (tmp_path / "sales.txt").write_bytes(text.encode())
    history = _read(tmp_path, tmp_path / "sales.txt")
    counts = history.counts
    rows = history.table("orders") if "orders" in set(counts["table"]) else history.table("items")
    assert len(rows) == N
    assert rows["revenue"].sum() == pytest.approx(_sales()["amount"].sum())
    assert list(rows["user_id"]) == list(_sales()["customer"])


def test_a_sheet_with_titles_above_its_header_is_read(tmp_path: Path) -> None:
    file = tmp_path / "report.xlsx"
    with pd.ExcelWriter(file) as writer:
        _sales().to_excel(writer, sheet_name="Sales", index=False, startrow=3)
        writer.book["Sales"]["A1"] = "Sales of all shops"
    history = _read(tmp_path, file)
    assert len(history.table("orders")) == N
    assert "header_line: 4" in (tmp_path / "config.yaml").read_text()


@pytest.mark.parametrize(
    ("above", "sep", "line"), [("Title\n\n", ",", 13), ("", " ", 11), ("Title\n\n", " ", 13)], ids=["titles", "blanks", "both"]
)
def test_a_row_that_is_set_aside_is_named_by_its_line_in_the_file(tmp_path: Path, above: str, sep: str, line: int) -> None:
    frame = _sales().astype(str)
    frame.loc[9, "amount"] = "twelve"
    (tmp_path / "sales.csv").write_text(above + frame.to_csv(index=False, sep=sep))
    history = _read(tmp_path, tmp_path / "sales.csv")
    assert history.n_quarantined == 1
    assert list(history.quarantine["line"]) == [line]
    assert list(history.quarantine["row"]) == [10]


def test_a_row_with_too_many_words_is_no_row_and_is_named_by_its_line(tmp_path: Path) -> None:
    lines = _in_columns(header=True).splitlines()
    lines[20] += " and more"
    (tmp_path / "sales.txt").write_text("\n".join(lines) + "\n")
    history = _read(tmp_path, tmp_path / "sales.txt")
    assert list(history.quarantine["line"]) == [21]
    assert "6 values where the header names 4 columns" in history.quarantine["reason"].iloc[0]


def test_a_header_that_is_further_down_is_named_where_nobody_said_so(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text(_as_text(above="Sales of all shops\n"))
    write_starter([str(tmp_path / "sales.csv")], tmp_path / "config.yaml")
    text = (tmp_path / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(text.replace(", header_line: 2", ""))
    with pytest.raises(HistoryError, match="header_line: 2"):
        read_history(load_config(tmp_path / "config.yaml"))


def test_a_header_beyond_the_end_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text(_as_text(above="Sales of all shops\n"))
    write_starter([str(tmp_path / "sales.csv")], tmp_path / "config.yaml")
    text = (tmp_path / "config.yaml").read_text()
    assert "header_line: 2" in text
    (tmp_path / "config.yaml").write_text(text.replace("header_line: 2", "header_line: 900"))
    with pytest.raises(HistoryError, match="has 402 lines, and `header_line` is 900"):
        read_history(load_config(tmp_path / "config.yaml"))


def test_the_log_of_a_web_server_is_told_to_be_one(tmp_path: Path) -> None:
    line = '10.0.0.{} - u{} [02/Jan/2023:10:00:00 +0000] "GET /checkout?order={} HTTP/1.1" 200 512 "-" "Mozilla/5.0"'
    (tmp_path / "access.log").write_text("\n".join(line.format(k, k, k) for k in range(100)), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"access\.log is the log of a web server: .* Name an export of orders"):
        write_starter([str(tmp_path / "access.log")], tmp_path / "config.yaml")
