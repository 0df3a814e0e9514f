"""Consent that stands in files of its own: who unsubscribed, and who agreed at first and took it back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.history import read_history, write_starter

N, USERS = 500, 60
RNG = np.random.default_rng(61)
ORDERS = pd.DataFrame({
    "order_id": np.arange(N), "customer_id": RNG.integers(0, USERS, N) + 500,
    "order_date": (pd.Timestamp("2023-01-02") + pd.to_timedelta(np.arange(N) // 2, unit="D")).astype(str),
    "amount": np.round(RNG.gamma(2, 20, N) + 1, 2),
})  # fmt: skip
REFUSED = np.arange(500, 500 + USERS, 4)


def _consent(folder: Path, **files: pd.DataFrame) -> tuple[str, dict[str, bool]]:
    for name, frame in {"orders": ORDERS, **files}.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    paths = [str(folder / f"{name}.csv") for name in ("orders", *files)]
    starter = write_starter(paths, folder / "config.yaml")
    customers = read_history(load_config(folder / "config.yaml")).table("customers")
    return starter.text, dict(zip(customers["user_id"], customers["consent"].astype(bool), strict=True))


@pytest.mark.parametrize("name", ["unsubscribes", "mail_optout", "do_not_contact"])
def test_whoever_is_on_a_list_of_refusals_is_not_contacted_and_others_are(tmp_path: Path, name: str) -> None:
    listed = pd.DataFrame({"customer_id": REFUSED, "unsubscribed_at": "2023-08-01", "reason": "link"})
    _, consent = _consent(tmp_path, **{name: listed})
    buyers = ORDERS["customer_id"].unique()
    assert consent == {str(user): user not in REFUSED for user in {*buyers.tolist(), *REFUSED.tolist()}}


def test_a_list_of_refusals_overrules_the_list_of_customers(tmp_path: Path) -> None:
    people = pd.DataFrame(
        {"customer_id": np.arange(500, 500 + USERS), "opt_in": "yes", "town": RNG.choice(["Ulm", "Köln"], USERS)}
    )
    listed = pd.DataFrame({"customer_id": REFUSED, "unsubscribed_at": "2023-08-01"})
    _, consent = _consent(tmp_path, customers=people, unsubscribes=listed)
    assert {user for user, agreed in consent.items() if not agreed} == {str(user) for user in REFUSED}


def test_the_last_word_of_each_user_counts(tmp_path: Path) -> None:
    agreed = pd.DataFrame({"customer_id": np.arange(500, 500 + USERS), "changed_at": "2022-05-01", "consent_status": "opt_in"})
    refused = pd.DataFrame({"customer_id": REFUSED, "changed_at": "2023-08-01", "consent_status": "opt_out"})
    text, consent = _consent(tmp_path, consents=pd.concat([agreed, refused]))
    assert {user for user, yes in consent.items() if not yes} == {str(user) for user in REFUSED}
    assert "older than the one above" not in text
    text, _ = _consent(tmp_path, consents=pd.concat([refused, agreed]))
    assert "FILL IN: the last row of a user in the file counts, but 15 are older than the one above" in text
