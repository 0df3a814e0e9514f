from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decision_engine.history import read_history
from tests.history.shop import open_shop

ids = st.one_of(
    st.sampled_from(["", " ", "007", "7", "anna"]), st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
)
days = st.sampled_from(["2024-01-02", "2024-01-30 23:00:00", "2024-02-31", "", "soon", "1700-01-01"])
money = st.sampled_from(["1", "-2.5", "1e2", "", "x", "inf", "1_0", "1,5"])
actions = st.sampled_from(["Letter", "coupon", "call", "none", "Fax", ""])
propensities = st.sampled_from(["", "0.5", "1", "0", "2", "-1", "p"])


def _text(header: list[str], rows: list[tuple[str, ...]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    orders=st.lists(st.tuples(ids, st.sampled_from(["1", "2", "3", "4"]), days, money), max_size=8),
    contacts=st.lists(st.tuples(ids, days, actions, propensities), max_size=8),
    broken=st.lists(st.sampled_from(["one value", "a,b", "1,2,3,4,5", '"a","b"']), max_size=3),
)
def test_rows_read_are_rows_accepted_plus_rows_quarantined(
    orders: list[tuple[str, ...]], contacts: list[tuple[str, ...]], broken: list[str]
) -> None:
    good = ("sure", "0", "2024-01-03", "1")
    with TemporaryDirectory() as folder:
        config = open_shop(
            Path(folder),
            orders=_text(["customer", "number", "day", "paid"], [good, *orders]) + "".join(f"{line}\n" for line in broken),
            contacts=_text(["customer", "day", "what", "p"], contacts),
        )
        history = read_history(config)
    counts = history.counts.set_index("table")
    assert (counts["read"] == counts["accepted"] + counts["quarantined"]).all()
    assert counts["read"].to_dict() == {"orders": 1 + len(orders) + len(broken), "exposures": len(contacts), "customers": 2}
    for table in counts.index:
        assert counts.loc[table, "accepted"] == len(history.table(table))
        aside = history.quarantine[history.quarantine["table"] == table]
        assert counts.loc[table, "quarantined"] == len(aside)
        assert aside["row"].is_unique
        assert aside["row"].between(1, counts.loc[table, "read"]).all()
        assert (aside["line"] > aside["row"]).all()
        assert aside["reason"].str.len().gt(0).all()
