from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from decision_engine.cli.main import main
from decision_engine.config import Config
from decision_engine.history import Readiness, judge_readiness, read_history
from tests.history.shop import SHOP, open_shop, write_shop


def _orders(n_users: int, n_weeks: int, *, without: tuple[int, ...] = ()) -> str:
    """Every user buys in every week but the ones left out."""
    lines = ["customer,number,day,paid"]
    for week in (week for week in range(n_weeks) if week not in without):
        day = np.datetime64("2024-01-02") + 7 * week
        lines += [f"u{k},{week}-{k},{day}T10:00:{k % 60:02d},{5 + k % 3}" for k in range(n_users)]
    return "\n".join(lines) + "\n"


def _long(folder: Path, shop: str = "", **files: str) -> Config:
    shop = (shop or SHOP).replace("last_period: 4, last_fitting_period: 3", "last_period: 20, last_fitting_period: 12")
    return open_shop(folder, shop, **{"orders": _orders(120, 20), **files})


def _judge(config: Config) -> Readiness:
    history = read_history(config)
    return judge_readiness(history, history.panel(config.action_set(), config.calendar()), config)


def _stages(readiness: Readiness) -> dict[str, tuple[str, ...]]:
    return {stage.stage: stage.missing for stage in readiness.stages}


def _words(readiness: Readiness, kind: str) -> list[str]:
    return [remark.words for remark in readiness.remarks if remark.kind == kind]


def test_a_long_history_supports_the_simulator_and_a_short_one_says_what_is_missing(tmp_path: Path) -> None:
    assert _stages(_judge(_long(tmp_path)))["fit"] == ()
    short = _stages(_judge(open_shop(tmp_path)))
    assert short["profile"] == ()
    assert short["plan"] == ("what `fit` lacks",)
    assert short["fit"] == (
        "3 fitting weeks, at least 8 are needed",
        "fitting weeks must outnumber effect_horizon_weeks, 8",
        "2 users bought in the fitting weeks, 100 are needed",
        "0.0% of buyers came twice, too few to learn when people come back",
        "1 weeks judge, effect_horizon_weeks asks for 8",
        "no order falls into the weeks that judge",
    )


def test_effects_need_enough_exposed_and_off_policy_needs_every_propensity(tmp_path: Path) -> None:
    few = _stages(_judge(_long(tmp_path)))
    assert few["effects"] == ("no action with `effect: estimated` reached 100 users in the fitting weeks; coupon reached 1",)
    assert few["off-policy evaluation"] == ("50% of exposures carry the probability with which they were chosen",)
    contacts = "customer,day,what,p\n" + "".join(f"u{k},2024-01-10,Letter,0.{1 + k % 9}\n" for k in range(120))
    readiness = _judge(_long(tmp_path, contacts=contacts))
    assert (_stages(readiness)["effects"], _stages(readiness)["off-policy evaluation"]) == ((), ())
    (coupon,) = readiness.propensities
    assert (coupon.action, coupon.exposures, coupon.known_share, coupon.low, coupon.high) == ("coupon", 120, 1.0, 0.1, 0.9)


def test_weeks_without_orders_are_told(tmp_path: Path) -> None:
    assert _words(_judge(_long(tmp_path)), "gap") == []
    gaps = _words(_judge(_long(tmp_path, orders=_orders(120, 20, without=(3, 7, 8, 9)))), "gap")
    assert gaps == ["4 of 20 weeks have no order; the longest gap is weeks 8 to 10."]


def test_a_share_of_rows_set_aside_is_told_and_single_rows_are_not(tmp_path: Path) -> None:
    broken = "u1,b{k},2024-01-02,dear\n"
    single = _judge(_long(tmp_path, orders=_orders(120, 20) + broken.format(k=0)))
    assert _words(single, "set aside") == []
    many = _judge(_long(tmp_path, orders=_orders(120, 20) + "".join(broken.format(k=k) for k in range(600))))
    (words,) = _words(many, "set aside")
    assert words.startswith("600 of ")
    assert "most often because revenue is not a finite number" in words


def test_repeats_and_far_outliers_are_told(tmp_path: Path) -> None:
    more = "u1,x1,2024-01-02T10:00:01,6\nu2,x2,2024-01-03T10:00:00,5000\nu2,x3,2024-01-03T11:00:00,-4\n"
    contacts = "customer,day,what,p\n" + "u1,2024-01-10,Letter,\n" * 3
    readiness = _judge(_long(tmp_path, orders=_orders(120, 20) + more, contacts=contacts))
    assert [words[:9] for words in _words(readiness, "duplicate")] == ["1 orders ", "2 exposur"]
    assert "the largest 5,000.00" in _words(readiness, "outlier")[0]
    assert _words(readiness, "return")[0].startswith("1 orders are negative")


def test_attributes_that_know_the_future_are_suspected_and_others_are_not(tmp_path: Path) -> None:
    """150 users with 0 to 8 orders after the fitting weeks; a rank correlation of 0.7 by chance is 9 standard errors off."""
    rng = np.random.default_rng(11)
    later = rng.integers(0, 9, 150)
    orders = _orders(150, 12) + "".join(
        f"u{k},late-{k}-{week},{np.datetime64('2024-03-26') + 7 * week},5\n" for k in range(150) for week in range(later[k])
    )
    people = "customer,may_write,town,future,past,last_seen\n" + "".join(
        f"u{k},yes,Ulm,{later[k] * 10},{rng.integers(0, 9)},2024-0{1 + 3 * (later[k] > 0)}-02\n" for k in range(150)
    )
    columns = "columns: {user_id: customer, consent: may_write, town: town, future: future, past: past, last_seen: last_seen}"
    shop = SHOP.replace("columns: {user_id: customer, consent: may_write, town: town}", columns)
    leakage = _words(_judge(_long(tmp_path, shop, orders=orders, people=people)), "leakage")
    assert [words.split()[0] for words in leakage] == ["customers.future", "customers.last_seen"]


def test_the_command_tells_it_as_text_and_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_shop(tmp_path, people="customer,may_write,town\n007,yes,Ulm\nanna,perhaps,\n")
    command = ["decision-engine", "check", str(path), "--workspace", str(tmp_path / "workspace")]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as left:
        main()
    printed = capsys.readouterr().out
    said = " ".join(printed.split())
    assert left.value.code == 0
    assert max(len(line) for line in printed.splitlines() if not line.startswith("page: ")) <= 80
    assert "Quarantined: 1 row of customers, consent: is neither yes nor no; first is row 2 (line 3) of people.csv." in said
    assert "Action coupon: 1 exposure of 1 user" in said
    assert "\n  fit: no; 3 fitting weeks, at least 8 are needed" in printed
    assert (tmp_path / "workspace" / "reports" / "check-corner-shop.html").is_file()
    monkeypatch.setattr(sys, "argv", [*command, "--json", "--page", str(tmp_path / "page.html")])
    with pytest.raises(SystemExit):
        main()
    document = json.loads(capsys.readouterr().out)
    assert document["page"] == str(tmp_path / "page.html")
    assert (tmp_path / "page.html").is_file()
    assert (document["rows_read"], document["accepted"], document["quarantined"]) == (6, 5, 1)
    assert document["stages"]["profile"] == {"supported": True, "missing": [], "rests_on": ""}
    assert document["span"]["first"]["orders"] == "2024-01-02T10:00:00"
    assert {action["action"] for action in document["actions"]} == {"coupon", "call"}


def test_orders_of_users_called_like_nobody_are_told_with_the_way_to_set_them_aside(tmp_path: Path) -> None:
    nobody = "".join(f"{name},n{k},2024-02-0{1 + k},5\n" for k, name in enumerate(["NULL", "NULL", "n/a", "nanna", "0"]))
    config = _long(tmp_path, orders=_orders(120, 20) + nobody)
    (words,) = _words(_judge(config), "user")
    assert words.startswith("3 orders are those of a user called 'NULL', 'n/a', which looks like nobody")
    assert "`user_id: nullif(customer, 'NULL')`" in words
    assert _words(_judge(_long(tmp_path)), "user") == []
