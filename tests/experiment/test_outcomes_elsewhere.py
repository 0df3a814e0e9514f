"""Outcomes that lie in other files than the assignment: which rows count, and what is said of the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.experiment.check import check_trial
from decision_engine.history import read_history
from simulations.errors import ConfigError, HistoryError
from tests.experiment.email_test import changed
from tests.product.command_line import decision_engine

CONFIG = """\
name: Test of an e-mail
sources: {assignment: {file: assignment.csv}, orders: {file: orders.csv}, clicks: {file: clicks.csv}}
tables:
  experiment:
    source: assignment
    columns: {user_id: user, treatment: arm, assigned_at: day}
    values: {treatment: {control: none}}
  outcomes:
    - source: orders
      columns: {user_id: customer, at: time, revenue: amount, orders: "1"}
    - source: clicks
      columns: {user_id: user, clicks: n}
experiment:
  outcomes: [revenue, orders, clicks]
  covariates: [revenue_before]
  horizon: 14 days
  ended_on: 2024-04-30
margin_share: 0.5
actions: [{name: email, kind: recommendation, cost: 0.1, effect: estimated}]
campaign: {budget: 100}
"""
ASSIGNED = pd.Timestamp("2024-03-10")


def _write(folder: Path, orders: Sequence[tuple[object, ...]], *changes: tuple[str, str], n_users: int = 6) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    users = [f"u{k}" for k in range(n_users)]
    arms = ["control", "email"] * (n_users // 2)
    pd.DataFrame({"user": users, "arm": arms, "day": "2024-03-10"}).to_csv(folder / "assignment.csv", index=False)
    pd.DataFrame(orders, columns=["customer", "time", "amount"]).to_csv(folder / "orders.csv", index=False)
    (folder / "clicks.csv").write_text("user,n\nu1,2\nu1,3\n")
    (folder / "config.yaml").write_text(changed(*changes, text=CONFIG))
    return folder / "config.yaml"


ORDERS: list[tuple[object, ...]] = [
    ("u0", "2024-03-09 23:59:00", 7.0),  # before
    ("u0", "2024-03-10 00:00:00", 5.0),  # the day of the assignment
    ("u0", "2024-03-23 23:59:59", 1.25),  # the last of fourteen days
    ("u0", "2024-03-24 00:00:00", 100.0),  # later
    ("u1", "2024-01-01 12:00:00", 3.0),
    ("u2", "2024-03-12 12:00:00", -4.0),
    ("nobody", "2024-03-12 12:00:00", 50.0),
]


def test_rows_count_from_the_assignment_for_as_long_as_the_horizon(tmp_path):
    history = read_history(load_config(_write(tmp_path, ORDERS)))
    frame = history.table("experiment").set_index("user_id")
    assert frame["revenue"].to_dict() == {"u0": 6.25, "u1": 0.0, "u2": -4.0, "u3": 0.0, "u4": 0.0, "u5": 0.0}
    assert frame["orders"].tolist() == [2.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    assert frame["revenue_before"].tolist() == [7.0, 3.0, 0.0, 0.0, 0.0, 0.0]
    assert frame["clicks"].tolist() == [0.0, 5.0, 0.0, 0.0, 0.0, 0.0]  # no time: counts whenever it was
    (told,) = [note for note in history.notes if " rows count" in note]
    assert "5 of 9 rows count; 2 came before the user's assignment, 1 came later than 14 days after it" in told
    assert "1 name nobody in the experiment. 3 of 6 users have none, which counts as 0." in told


def test_counting_ends_on_its_last_day_however_long_the_horizon(tmp_path):
    path = _write(tmp_path, ORDERS, ("14 days", "90 days"), ("2024-04-30", "2024-03-23"))
    assert read_history(load_config(path)).table("experiment")["revenue"].tolist()[0] == 6.25


def test_a_day_without_a_clock_counts_whole_on_the_day_of_the_assignment(tmp_path):
    orders = [("u0", "2024-03-10", 5.0), ("u0", "2024-03-09", 2.0)]
    path = _write(tmp_path, orders, ("assigned_at: day", "assigned_at: \"day || ' 15:00:00'\""))
    frame = read_history(load_config(path)).table("experiment")
    assert (frame["revenue"][0], frame["revenue_before"][0]) == (5.0, 2.0)


def test_an_order_earlier_on_the_day_of_the_assignment_is_no_outcome(tmp_path):
    orders = [("u0", "2024-03-10 14:59:59", 5.0), ("u0", "2024-03-10 15:00:00", 2.0)]
    path = _write(tmp_path, orders, ("assigned_at: day", "assigned_at: \"day || ' 15:00:00'\""))
    frame = read_history(load_config(path)).table("experiment")
    assert (frame["revenue"][0], frame["revenue_before"][0]) == (2.0, 5.0)


def test_a_new_audience_gets_its_sums_up_to_the_last_day(tmp_path):
    path = _write(
        tmp_path,
        [*ORDERS, ("new", "2024-04-30 12:00:00", 11.0), ("new", "2024-05-01 12:00:00", 80.0)],
        ("  outcomes:\n    - source", "  audience: {source: others, columns: {user_id: who}}\n  outcomes:\n    - source"),
        ("clicks: {file: clicks.csv}", "clicks: {file: clicks.csv}, others: {file: others.csv}"),
    )
    (tmp_path / "others.csv").write_text("who\nnew\nunknown\n")
    assert read_history(load_config(path)).table("audience")["revenue_before"].tolist() == [11.0, 0.0]


def test_rows_that_cannot_be_read_are_set_aside_with_place_and_reason(tmp_path):
    history = read_history(
        load_config(_write(tmp_path, [*ORDERS, ("u0", "soon", 3.0), ("u0", None, 3.0), ("u0", "2024-03-11", "?")]))
    )
    aside = history.quarantine
    assert aside[["table", "line", "column"]].to_numpy().tolist() == [
        ["outcomes", 9, "at"], ["outcomes", 10, "at"], ["outcomes", 11, "revenue"],
    ]  # fmt: skip
    assert history.n_read == history.n_accepted + history.n_quarantined


def test_sums_do_not_depend_on_the_order_of_rows(tmp_path):
    rng = np.random.default_rng(3)
    orders = [(f"u{k % 6}", f"2024-03-{10 + k % 14:02d} 10:00:00", round(float(rng.gamma(2, 9)), 2)) for k in range(400)]
    one = read_history(load_config(_write(tmp_path / "one", orders)))
    other = read_history(load_config(_write(tmp_path / "other", orders[::-1])))
    pd.testing.assert_frame_equal(one.table("experiment"), other.table("experiment"))


def test_orders_that_name_nobody_in_the_experiment_are_refused(tmp_path):
    no_clicks = ("    - source: clicks\n      columns: {user_id: user, clicks: n}\n", "")
    path = _write(tmp_path, [("7", "2024-03-12", 50.0)], no_clicks, ("orders, clicks]", "orders]"))
    with pytest.raises(HistoryError, match=r"none of 1 rows names a user of the experiment .the first here is '7'.*'u0'"):
        read_history(load_config(path))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((", assigned_at: day", ""), "nothing says from when on they count.*TIMESTAMP"),
        (("[revenue_before]", "[revenue]"), "`revenue_before` is its sum before"),
        (("[revenue_before]", "[clicks_before]"), "hold clicks have no time"),
        (("treatment: arm,", "treatment: arm, revenue: arm,"), "`revenue` is summed from tables.outcomes, and is mapped here"),
        (("[revenue, orders, clicks]", "[revenue, orders]"), "column 'clicks' is neither an outcome nor a covariate"),
    ],
)
def test_what_contradicts_itself_is_refused_in_words(tmp_path, change, words):
    with pytest.raises(ConfigError, match=words):
        load_config(_write(tmp_path, ORDERS, change))


def test_users_who_were_followed_for_a_shorter_time_are_told(tmp_path):
    said = {
        name: " ".join(remark.words for remark in check_trial(load_config(path)).remarks if remark.kind == "date")
        for name, path in {
            "short": _write(tmp_path / "short", ORDERS, ("2024-04-30", "2024-03-20")),
            "late": _write(tmp_path / "late", ORDERS, ("2024-04-30", "2024-03-01")),
            "whole": _write(tmp_path / "whole", ORDERS, ("2024-04-30", "2024-03-30")),
            "long": _write(tmp_path / "long", ORDERS),
        }.items()
    }
    assert "6 of 6 users were assigned less than 14 days before 2024-03-20" in said["short"]
    assert "6 of 6 users were assigned after 2024-03-01" in said["late"]
    assert not said["whole"]
    assert "the last row of outcomes is of 2024-03-24, well before 2024-04-30" in said["long"]


def test_another_horizon_sums_anew_in_a_workspace_that_read_the_files_before(tmp_path):
    path = _write(tmp_path, ORDERS)
    text = path.read_text()
    means = []
    for horizon in ("14 days", "30 days"):
        path.write_text(text.replace("14 days", horizon))
        answer = decision_engine("run", path, "-w", tmp_path / "w", "--json")
        means.append(answer.document["assignment"]["groups"][0]["mean revenue"])
    assert means == pytest.approx([(6.25 - 4.0) / 3, (106.25 - 4.0) / 3])
