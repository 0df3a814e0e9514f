"""Databases as sources: streamed, as text, and the same rows as from a file; PostgreSQL where a server can be started."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from decision_engine.history import HistoryStore, digest_sources, read_history
from decision_engine.history.databases import ask, store_answer
from simulations.errors import ConfigError, HistoryError, MissingExtraError
from tests.history.shop import SHOP, open_shop

TABLE = "CREATE TABLE o (customer TEXT, number BIGINT, day TIMESTAMP, paid NUMERIC(12, 2), returned BOOLEAN)"
ROWS = "INSERT INTO o VALUES ('007', 1, '2024-01-02 10:00:00', 5.5, false), ('anna', 2, '2024-01-09 00:00:00', 7, true)"


def _shop(url: str, query: str = "SELECT * FROM o ORDER BY number") -> str:
    return SHOP.replace("{file: orders.csv}", f'{{database: "{url}", query: "{query}"}}')


def _server_program(name: str) -> str | None:
    """Return a program of PostgreSQL's server, which Debian keeps out of the path."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(places[0]) if places else None)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """Start a server of its own on a socket, and return its URL."""
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    initdb, postgres = _server_program("initdb"), _server_program("postgres")
    if initdb is None or postgres is None:
        pytest.skip("there is no PostgreSQL server on this machine")
    root = Path(tempfile.mkdtemp(prefix="pg-"))
    as_user: list[str] = []
    if os.getuid() == 0:  # the server refuses to run as root
        runuser = shutil.which("runuser")
        if runuser is None or subprocess.run(["id", "postgres"], capture_output=True, check=False).returncode:
            pytest.skip("PostgreSQL does not run as root, and there is no other user to run it as")
        as_user = [runuser, "-u", "postgres", "--"]
        shutil.chown(root, "postgres")
    data = root / "data"
    made = subprocess.run(
        [*as_user, initdb, "-D", str(data), "-U", "shop", "--auth=trust"], capture_output=True, text=True, cwd="/", check=False
    )
    if made.returncode:
        pytest.skip(f"PostgreSQL cannot be set up here: {made.stderr.strip().splitlines()[-1]}")
    process = subprocess.Popen(
        [*as_user, postgres, "-D", str(data), "-k", str(root), "-c", "listen_addresses="],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/",
    )  # fmt: skip
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "ready to accept connections" in line:
                break
        else:
            pytest.skip("PostgreSQL does not start here")
        url = f"postgresql://shop@/postgres?host={root}"
        import psycopg

        with psycopg.connect(f"host={root} user=shop dbname=postgres") as connection:
            connection.execute(TABLE)
            connection.execute(ROWS)
            connection.execute("CREATE TABLE many AS SELECT i, 'text ' || i AS words FROM generate_series(1, 70000) AS t(i)")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)
        if process.stderr is not None:
            process.stderr.close()
        shutil.rmtree(root, ignore_errors=True)


def test_postgres_gives_the_same_rows_as_a_file(tmp_path: Path, postgres: str) -> None:
    plain = read_history(open_shop(tmp_path))
    config = open_shop(tmp_path, _shop(postgres))
    assert read_history(config).digest == plain.digest
    store = HistoryStore(tmp_path / "history")
    assert store.open(config).number == store.open(config).number == 1
    assert digest_sources(config) == digest_sources(config)
    shown = store.open(config).counts["file"].iloc[0]
    assert "shop@" not in shown
    assert shown.startswith("/postgres")


def test_postgres_rows_come_in_batches_and_none_is_lost(postgres: str, tmp_path: Path) -> None:
    with ask(postgres, "SELECT * FROM many ORDER BY i") as asked:
        sizes = [len(rows) for rows in asked.batches]
    assert sum(sizes) == 70_000
    assert len(sizes) > 1
    answer = store_answer(postgres, "SELECT * FROM many ORDER BY i", tmp_path / "many.parquet")
    found = duckdb.execute(f"SELECT count(*), sum(CAST(i AS INTEGER)), max(length(words)) FROM '{answer.path}'").fetchall()
    assert found == [(70_000, 70_000 * 70_001 // 2, 10)]


def test_what_postgres_refuses_is_told_with_the_place(tmp_path: Path, postgres: str) -> None:
    with pytest.raises(HistoryError, match=r"sources\.orders: .*: the database refuses the query: .*nope"):
        read_history(open_shop(tmp_path, _shop(postgres, "SELECT * FROM nope")))
    with pytest.raises(HistoryError, match=r"sources\.orders: .*: the database refuses the query"):
        read_history(open_shop(tmp_path, _shop("postgresql://nobody@localhost:1/none")))


def test_a_database_whose_driver_is_missing_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises((MissingExtraError), match=r'pip install "decision-engine\[postgres\]"'):
        read_history(open_shop(tmp_path, _shop("postgresql://shop@localhost/shop")))


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_many_rows_stream_from_other_databases_too(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"many.{kind}"
    numbers = (
        "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < 45000) SELECT i, 'o' || i AS word FROM t"
    )
    if kind == "sqlite":
        with sqlite3.connect(path) as connection:
            connection.execute(f"CREATE TABLE many AS {numbers}")
        connection.close()
    else:
        with duckdb.connect(str(path)) as other:
            other.execute("CREATE TABLE many AS SELECT i, 'o' || i AS word FROM range(1, 45001) AS t(i)")
    with ask(f"{kind}:///{path}", "SELECT * FROM many ORDER BY i") as asked:
        batches = [list(rows) for rows in asked.batches]
    assert len(batches) > 1
    assert [row[1] for rows in batches for row in rows] == [f"o{k}" for k in range(1, 45_001)]


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE o AS SELECT 'a' AS customer")
    shop = _shop(f"duckdb:///{tmp_path / 'shop.duckdb'}", "SELECT 1 AS x, 2 AS X")
    with pytest.raises((HistoryError, ConfigError), match=r"sources\.orders: .*named twice"):
        read_history(open_shop(tmp_path, shop))


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_file_that_is_no_database_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "shop.db"
    path.write_text("customer,number\n")
    name = {"sqlite": "SQLite", "duckdb": "DuckDB"}[kind]
    with pytest.raises(HistoryError, match=rf"line \d+, sources\.orders: .*shop\.db is no {name} database"):
        read_history(open_shop(tmp_path, _shop(f"{kind}:///{path}")))
    with pytest.raises(ConfigError, match=rf"sources\.orders: {kind}:/// names no file"):
        read_history(open_shop(tmp_path, _shop(f"{kind}:///")))
