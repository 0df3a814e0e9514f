"""What is wrong with an experiment's input is told in words: file, line and key, what is wrong, what would be right."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.known_experiment import draw_experiment
from decision_engine.config import config_schema, load_config
from decision_engine.config.experiment import horizon_days
from decision_engine.history import read_history
from tests.experiment.email_test import Changes, write
from tests.product.command_line import decision_engine

FRAME = draw_experiment(600, seed=1).frame
SHARES = "none: 0.3333, mens: 0.3333, womens: 0.3334"
ORDERS = "  orders: {source: test, columns: {user_id: customer}}"
MENS = "effect: estimated}\n  - {name: womens"
RESPONSE = "estimated, response: {purchase_lift: 0.1}}"
LAST = "effect: estimated}\ncampaign"


def _refused(folder: Path, *changes: Changes, frame: pd.DataFrame = FRAME) -> str:
    for command in (["check"], ["run", "-w", folder / "workspace"]):
        answer = decision_engine(command[0], write(folder, frame, *changes), *command[1:])
        assert answer.code == 2, answer.err
        assert "Traceback" not in answer.err
    assert not (folder / "workspace" / "ledger.sqlite").exists()
    return answer.err


WRONG = {
    "an outcome that the file does not have": (
        ("[spend, visit, conversion]", "[spent, visit]"),
        "email.yaml, line 9, experiment.outcomes[0]: the source has no column 'spent'. Did you mean `spend`?",
    ),
    "a covariate that the file does not have": (("[recency, history,", "[recensy, history,"), "Did you mean `recency`?"),
    "a treatment that is no action": (
        ('"Mens E-Mail": mens', '"Mens E-Mail": men'),
        "tables.experiment.values.treatment.Mens E-Mail: action 'men' is not declared. Did you mean `mens`?",
    ),
    "a share of an action that is none": (("{none: 0.3333, mens", "{none: 0.3333, male"), "action 'male' is not declared"),
    "shares that do not sum to one": (("womens: 0.3334}", "womens: 0.2}"), "the shares sum to 0.8666"),
    "a share left out": ((SHARES, "none: 0.5, mens: 0.5"), "no share is declared for womens"),
    "a horizon that is none": (("horizon: two weeks", "horizon: soon"), "'soon' names no length of time; right is for example"),
    "no horizon": (("  horizon: two weeks\n", ""), "experiment.horizon: `horizon` is missing"),
    "weeks": (("margin_share: 0.5", "time: {first_day: 2024-01-01, last_period: 3, last_fitting_period: 2}\nmargin_share: 0.5"),
              "an experiment has no weeks"),
    "orders beside it": (("experiment:\n  outcomes", f"{ORDERS}\nexperiment:\n  outcomes"),
                         "an experiment is one row a user and goes without orders"),
    "an outcome that is a covariate": (("covariates: [recency", "covariates: [visit, recency"), "`visit` is named twice"),
    "a reserved name": (("covariates: [recency", "covariates: [treatment, recency"), "`treatment` is a column of its own"),
    "a column of no meaning": (("treatment: segment}", "treatment: segment, colour: channel}"),
                              "neither an outcome nor a covariate"),
    "a category that is no covariate": (("horizon: two", "categories: [zip]\n  horizon: two"), "`zip` is no covariate"),
    "a response": ((MENS, MENS.replace("estimated}", RESPONSE)), "a response is a shift of buying"),
    "an assumed effect without a number": ((LAST, LAST.replace("estimated", "assumed")), "no `gain` says what it is"),
    "a share of what is margin already": (("horizon: two", "money: margin\n  horizon: two"), "a share of it makes no sense"),
    "no control group": (('"No E-Mail": none', '"No E-Mail": mens'), "no user has the treatment `none`, only mens, womens"),
    "one group only": (('"Mens E-Mail": mens, "Womens E-Mail": womens', '"Mens E-Mail": none, "Womens E-Mail": none'),
                       "all 600 users have the treatment `none`"),
    "an outcome of words": (("[spend, visit, conversion]", "[segment]"),
                            "no user is left of 600 rows read; most often segment is not a finite number"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_ends_the_command_with_one_message(tmp_path, what):
    change, said = WRONG[what]
    told = _refused(tmp_path, change)
    assert said in " ".join(told.split())
    assert "email.yaml" in told


def test_rows_with_an_unknown_treatment_or_outcome_are_set_aside_and_counted(tmp_path):
    frame = FRAME.astype({"spend": object})
    frame.loc[0, "segment"], frame.loc[1, "spend"], frame.loc[2, "spend"] = "Postcard", "a lot", None
    frame = pd.concat([frame, frame.iloc[[5]]])
    history = read_history(load_config(write(tmp_path, frame)))
    assert (history.n_read, history.n_accepted, history.n_quarantined) == (601, 597, 4)
    reasons = dict(zip(history.quarantine["row"], history.quarantine["reason"], strict=True))
    assert reasons == {
        1: "is not among the groups none, mens, womens",
        2: "is not a finite number",
        3: "is empty",
        601: "already named an earlier row",
    }


def test_a_control_group_under_an_unmapped_name_is_pointed_at(tmp_path):
    told = _refused(tmp_path, ('"No E-Mail": none, ', ""))
    assert (
        "rows were set aside because their treatment is not among the groups none, mens, womens; the first has 'No E-Mail'"
        in told
    )


def test_a_propensity_of_nothing_is_set_aside(tmp_path):
    frame = FRAME.assign(p=0.3)
    frame.loc[0, "p"] = 0.0
    history = read_history(load_config(write(tmp_path, frame, ("treatment: segment}", "treatment: segment, propensity: p}"))))
    assert history.quarantine["reason"].tolist() == ["is not above 0"]


def test_numbers_of_another_country_are_numbers(tmp_path):
    frame = FRAME.assign(**{name: FRAME[name].map(lambda v: f"{v:.2f}".replace(".", ",")) for name in ("history", "spend")})
    path = write(tmp_path, frame, ("{file: test.csv}", '{file: test.csv, decimal: ","}'))
    table = read_history(load_config(path)).table("experiment")
    assert table["spend"].sum() == pytest.approx(FRAME["spend"].sum())
    assert pd.to_numeric(table["history"]).sum() == pytest.approx(FRAME["history"].sum())


def test_columns_are_written_once_and_may_be_expressions(tmp_path):
    path = write(
        tmp_path,
        FRAME,
        ("treatment: segment}", "treatment: segment, recency: CAST(recency AS INT) * 30, spend: CAST(spend AS DOUBLE) / 2}"),
    )
    table = read_history(load_config(path)).table("experiment")
    assert pd.to_numeric(table["recency"]).tolist() == (FRAME["recency"] * 30).tolist()
    assert table["spend"].tolist() == pytest.approx((FRAME["spend"] / 2).tolist())


@pytest.mark.parametrize(
    ("words", "days"), [("two weeks", 14), ("1 day", 1), ("30 days", 30), ("a fortnight", 14), ("one year", 365.25)]
)
def test_a_horizon_is_read_from_words(words, days):
    assert horizon_days(words) == days


def test_the_schema_knows_both_shapes():
    schema = config_schema()
    assert {"required": ["experiment"]} in schema["anyOf"]
    assert "time" not in schema["required"]
    assert "outcomes" in schema["$defs"]["ExperimentConfig"]["properties"]


def test_an_experiments_keys_are_refused_in_a_history_of_orders(tmp_path):
    told = _refused(tmp_path, ("  experiment:\n    source", "  audience:\n    source"))
    assert "no table `experiment` is mapped" in told


COMMA = ("{file: test.csv}", '{file: test.csv, decimal: ","}')
THOUSANDS = ("{file: test.csv}", '{file: test.csv, thousands: ","}')
EURO = ("treatment: segment}", "treatment: segment, spend: \"replace(spend, '€', '')\"}")
CURED = {
    "decimal commas": (lambda v: f"{v:.2f}".replace(".", ","), 'say `decimal: ","` of source test', COMMA),
    "a sign of money": (lambda v: f"{v:.2f} €", "take the sign out, as in `spend: \"replace(spend, '€', '')\"`", EURO),
    "thousands": (lambda v: f"{v + 1000:,.2f}", 'say `thousands: ","` of source test', THOUSANDS),
}


@pytest.mark.parametrize("what", CURED)
def test_numbers_that_cannot_be_read_are_told_with_place_value_and_a_cure_that_works(tmp_path, what):
    written, cure, change = CURED[what]
    frame = FRAME.assign(spend=FRAME["spend"].map(written))
    told = " ".join(_refused(tmp_path, frame=frame).split())
    assert f"the first is row 1 (line 2) of test.csv, '{frame['spend'][0]}'; {cure}." in told
    table = read_history(load_config(write(tmp_path, frame, change))).table("experiment")
    added = 1000 * len(FRAME) if what == "thousands" else 0
    assert table["spend"].sum() == pytest.approx(FRAME["spend"].sum() + added)


def test_bytes_of_another_encoding_are_told_with_the_setting_that_reads_them(tmp_path):
    frame = FRAME.assign(channel=["Büro" if k % 2 else "Web" for k in range(len(FRAME))])
    path = write(tmp_path, frame)
    (tmp_path / "test.csv").write_bytes(frame.to_csv(index=False).encode("latin-1"))
    answer = decision_engine("check", path)
    told = " ".join(answer.out.split())
    assert "the first is row 2 (line 3) of test.csv" in told
    assert "if test.csv is not in UTF-8, say `encoding: latin-1` of source test. What is left may mislead." in told
    path.write_text(path.read_text().replace("{file: test.csv}", "{file: test.csv, encoding: latin-1}"))
    assert read_history(load_config(path)).n_quarantined == 0


def test_a_header_alone_is_told_as_such(tmp_path):
    told = " ".join(_refused(tmp_path, frame=FRAME.iloc[:0]).split())
    assert "no user is left: test.csv holds a header alone and no row." in told


def test_signs_that_no_terminal_should_get_are_left_out_and_one_row_is_one(tmp_path):
    frame = FRAME.copy()
    frame.loc[:40, "channel"] = "Ph\x00o\x1b[31mne"
    frame.loc[41, "segment"] = "Postcard"
    answer = decision_engine("check", write(tmp_path, frame))
    assert answer.code == 0, answer.err
    assert not set(answer.out) & {"\x00", "\x1b"}
    assert "Quarantined: 1 row of experiment, treatment:" in answer.out
