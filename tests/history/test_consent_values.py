"""What `init` makes of consent that says more than yes and no: nobody is set aside for it, and only a yes is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.history import read_history, write_starter

N, USERS = 400, 60


@pytest.mark.parametrize(
    ("words", "yes"),
    [
        (["yes", "no", "unknown"], {"yes"}),
        (["Y", "N", ""], {"Y"}),
        (["opted_in", "opted_out", "pending"], {"opted_in"}),
        (["true", "false", "never asked"], {"true"}),
    ],
)
def test_a_third_value_of_consent_keeps_its_customers_and_never_allows_contact(
    tmp_path: Path, words: list[str], yes: set[str]
) -> None:
    rng = np.random.default_rng(3)
    user = [f"C{k:03d}" for k in rng.integers(0, USERS, N)]
    pd.DataFrame({
        "order_id": [f"R{k}" for k in range(N)], "customer_id": user, "total": np.round(rng.gamma(2, 12, N), 2),
        "ordered_at": (pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 150, N), unit="D")).astype(str),
    }).to_csv(tmp_path / "orders.csv", index=False)  # fmt: skip
    people = pd.DataFrame({
        "customer_id": [f"C{k:03d}" for k in range(USERS)], "consent": [words[k % 3] for k in range(USERS)],
    })  # fmt: skip
    people.to_csv(tmp_path / "customers.csv", index=False)
    starter = write_starter([str(tmp_path / name) for name in ("orders.csv", "customers.csv")], tmp_path / "config.yaml")
    history = read_history(load_config(tmp_path / "config.yaml"))
    customers = history.table("customers")
    assert (history.n_quarantined, len(customers)) == (0, USERS)
    agreed = customers.loc[customers["consent"].eq(True).fillna(False).to_numpy(dtype=bool), "user_id"]
    assert set(agreed) == set(people.loc[people["consent"].isin(yes), "customer_id"])
    assert any("without consent nobody is contacted" in told for told in starter.taken)
