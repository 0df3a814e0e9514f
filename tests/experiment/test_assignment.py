"""How users came to their treatment: sizes, records and choice, each told from chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.known_experiment import draw_experiment
from decision_engine.config import load_config
from decision_engine.experiment.assignment import classifier_test
from decision_engine.experiment.check import CheckedTrial, check_trial
from tests.experiment.email_test import Changes, write
from tests.product.command_line import decision_engine

NO_SHARES = ("  shares: {none: 0.3333, mens: 0.3333, womens: 0.3334}\n", "")
RECORDED = ("treatment: segment}", "treatment: segment, propensity: p}")


def _two_groups(n: int, seed: int, chance: np.ndarray | float) -> pd.DataFrame:
    """Return users of two groups, mailed with some probability each."""
    known = draw_experiment(n, seed=seed).frame
    mailed = np.random.default_rng(seed + 1000).random(n) < chance
    return known.assign(
        segment=np.where(mailed, "Mens E-Mail", "No E-Mail"), p=np.where(mailed, chance, 1.0 - np.asarray(chance))
    )


def _check(folder, frame: pd.DataFrame, *changes: Changes) -> CheckedTrial:
    return check_trial(load_config(write(folder, frame, *changes)))


def test_a_classifier_is_no_better_than_chance_on_a_draw():
    """200 draws: one-sided p-values are even on [0, 1]; three standard errors of a share of 0.1 are 0.064."""
    rng = np.random.default_rng(1)
    known = rng.normal(size=(400, 4)).astype(np.float32)
    beyond = [classifier_test(known, rng.random(400) < 0.4, seed=seed)[0] > 1.2816 for seed in range(200)]
    assert np.mean(beyond) < 0.1 + 0.064


def test_a_classifier_sees_a_choice_that_lies_in_no_single_average():
    rng = np.random.default_rng(2)
    known = rng.normal(size=(6000, 2)).astype(np.float32)
    treated = rng.random(6000) < np.where(known[:, 0] * known[:, 1] > 0, 0.6, 0.4)
    z, auc = classifier_test(known, treated, seed=1)
    assert z > 5.0
    assert auc > 0.55


def test_declared_shares_are_held_against_the_groups(tmp_path):
    fits = _check(tmp_path / "fits", draw_experiment(6000, seed=1).frame).assignment.sizes
    assert fits.fits
    assert fits.against == "declared"
    off = _check(tmp_path / "off", draw_experiment(6000, seed=1, shares=(0.4, 0.3, 0.3)).frame)
    assert not off.assignment.sizes.fits
    assert off.alarm.startswith("Sample-ratio mismatch")
    assert [stage.stage for stage in off.stages if not stage.supported] == ["effects", "evaluate", "targeting"]


def test_without_shares_or_records_the_sizes_are_said_to_be_untested(tmp_path):
    checked = _check(tmp_path, draw_experiment(2000, seed=1).frame, NO_SHARES)
    assert checked.assignment.sizes.against == "nothing"
    assert "cannot be tested" in checked.assignment.sizes.words


def test_recorded_probabilities_that_hold_are_believed(tmp_path):
    chance = np.random.default_rng(5).uniform(0.2, 0.8, 6000)
    checked = _check(tmp_path, _two_groups(6000, 5, chance), NO_SHARES, RECORDED)
    assert checked.assignment.mode == "recorded"
    assert checked.assignment.calibration is not None
    assert checked.assignment.calibration.holds
    assert len(checked.assignment.calibration.bins) == 10
    assert np.allclose(checked.assignment.taken, checked.trial.propensities)


def test_recorded_probabilities_that_do_not_hold_are_told_first(tmp_path):
    """The log says 50 % for everybody; in truth half the users had 35 %, the other half 65 %: the sizes alone look right."""
    half = np.arange(6000) % 2 == 0
    frame = _two_groups(6000, 6, np.where(half, 0.35, 0.65))
    wrong = frame.assign(p=np.where(half, 0.6, 0.4))
    wrong["p"] = np.where(wrong["segment"] == "Mens E-Mail", wrong["p"], 1.0 - wrong["p"])
    checked = _check(tmp_path, wrong, NO_SHARES, RECORDED)
    assert checked.assignment.calibration is not None
    assert not checked.assignment.calibration.holds
    assert "do not hold" in checked.alarm


def _three_groups(n: int, seed: int, chances: np.ndarray) -> pd.DataFrame:
    """Return users of three groups, with the probability of what they were given."""
    known = draw_experiment(n, seed=seed).frame
    drawn = (np.random.default_rng(seed + 1000).random(n)[:, None] > np.cumsum(chances, axis=1)[:, :2]).sum(axis=1)
    names = np.array(["No E-Mail", "Mens E-Mail", "Womens E-Mail"])
    return known.assign(segment=names[drawn], p=chances[np.arange(n), drawn])


def _by_newbie(n: int, seed: int) -> np.ndarray:
    """Return probabilities of three groups that differ between the new and the old."""
    new = draw_experiment(n, seed=seed).frame["newbie"].to_numpy() == 1
    return np.where(new[:, None], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5])


def test_recorded_probabilities_of_three_groups_that_hold_are_believed(tmp_path):
    frame = _three_groups(9000, 8, _by_newbie(9000, 8))
    calibration = _check(tmp_path, frame, NO_SHARES, RECORDED).assignment.calibration
    assert calibration is not None
    assert calibration.holds
    assert set(calibration.bins["action"]) == {"none", "mens", "womens"}
    inside = calibration.bins["observed"].between(calibration.bins["low"], calibration.bins["high"])
    assert inside.mean() > 0.9


def test_recorded_probabilities_of_three_groups_that_only_add_up_are_told(tmp_path):
    """The record knows the groups' shares and not who is new: counted over all users nothing is amiss."""
    chances = _by_newbie(9000, 8)
    frame = _three_groups(9000, 8, chances)
    given = frame["segment"].map({"No E-Mail": 0, "Mens E-Mail": 1, "Womens E-Mail": 2}).to_numpy()
    even = np.array([0.35, 0.3, 0.35])  # of all users, as many got each
    checked = _check(tmp_path, frame.assign(p=even[given]), NO_SHARES, RECORDED)
    assert checked.assignment.sizes.fits
    assert checked.assignment.calibration is not None
    assert not checked.assignment.calibration.holds
    assert "do not hold" in checked.alarm


@pytest.mark.slow
def test_records_that_hold_are_seldom_called_wrong(tmp_path):
    """20 logs: the alarm of each is set for two in a thousand at most, so that two come by chance once in a thousand times."""
    alarms = 0
    for seed in range(20):
        frame = _three_groups(3000, seed, _by_newbie(3000, seed))
        alarms += bool(_check(tmp_path / str(seed), frame, NO_SHARES, RECORDED).alarm)
    assert alarms < 2


def test_some_recorded_probabilities_stand_and_shares_fill_the_rest(tmp_path):
    frame = _two_groups(4000, 7, 0.5)
    frame.loc[frame.index[:1000], "p"] = np.nan
    checked = _check(tmp_path, frame, NO_SHARES, RECORDED)
    assert checked.assignment.mode == "mixed"
    silent = ~np.isfinite(checked.trial.propensities)
    assert silent.sum() == 1000
    share = (checked.trial.treatments[silent] == 1).mean()
    own = np.where(checked.trial.treatments[silent] == 1, share, 1.0 - share)
    assert np.allclose(checked.assignment.taken[silent], own)


def test_a_covariate_that_the_treatment_touched_is_suspected(tmp_path):
    """With so strong a difference the groups no longer look drawn, and that is what is said."""
    frame = draw_experiment(6000, seed=9).frame
    frame["newbie"] = frame["newbie"] + 0.15 * (frame["segment"] == "Mens E-Mail") * (np.arange(6000) % 7 == 0)
    checked = _check(tmp_path, frame)
    suspected = [remark.words for remark in checked.remarks if remark.kind == "leakage"]
    assert any("newbie differs between mens" in words for words in suspected) or checked.assignment.mode == "observational"


def test_a_covariate_made_of_the_outcome_is_suspected(tmp_path):
    frame = draw_experiment(6000, seed=9).frame
    frame["history"] = frame["spend"] * 2.0 + 1.0
    remarks = _check(tmp_path, frame).remarks
    assert any(remark.kind == "leakage" and "history" in remark.words for remark in remarks)


def test_check_tells_groups_sizes_and_what_is_missing_as_text_and_json(tmp_path):
    frame = draw_experiment(3000, seed=2).frame
    frame.loc[frame.index[:30], "history"] = np.nan
    frame.loc[frame.index[-3:], "segment"] = "Postcard"
    configuration = write(tmp_path, frame)
    text = decision_engine("check", configuration).out
    assert text.startswith("The group sizes fit")
    assert max(map(len, text.splitlines())) <= 80
    told = " ".join(text.split())
    assert "of 2,997 users some lack covariates: history for 30 (1.0%)" in told
    where = "first is row 2998 (line 2999) of test.csv"
    assert f"Quarantined: 3 rows of experiment, treatment: is not among the groups none, mens, womens; {where}." in told
    document = decision_engine("check", configuration, "--json").document
    assert document["rows_read"] == document["accepted"] + document["quarantined"] == 3000
    assert [(reason["rows"], reason["first"]) for reason in document["reasons"]] == [(3, "row 2998 (line 2999) of test.csv")]
    assert [group["action"] for group in document["assignment"]["groups"]] == ["none", "mens", "womens"]
    assert document["assignment"]["mode"] == "randomised"
    assert document["stages"]["effects"]["supported"]


@pytest.mark.parametrize("covariates", ["[]", "[recency]"])
def test_few_or_no_covariates_are_enough_to_run(tmp_path, covariates):
    frame = draw_experiment(3000, seed=2).frame
    every = "[recency, history, history_segment, mens, womens, zip_code, newbie, channel]"
    configuration = write(tmp_path, frame, (every, covariates))
    document = decision_engine("run", configuration, "-w", tmp_path / "w", "--json").document
    assert document["plan"]["audience"] == 3000


def test_users_in_more_than_one_group_are_told_by_number(tmp_path):
    """Three cross over, one of them twice; two merely stand there twice."""
    frame = draw_experiment(3000, seed=2).frame
    others = frame.iloc[[10, 11, 12, 12]].assign(segment=[_another(name) for name in frame["segment"].iloc[[10, 11, 12, 12]]])
    checked = _check(tmp_path, pd.concat([frame, others, frame.iloc[[20, 21]]]))
    (told,) = [remark.words for remark in checked.remarks if remark.kind == "group"]
    assert told.startswith("3 users are in more than one group; the first row counts.")
    assert checked.history.n_quarantined == 6
    assert _check(tmp_path, pd.concat([frame, frame.iloc[[20, 21]]])).remarks == _check(tmp_path, frame).remarks


def _another(segment: str) -> str:
    return "No E-Mail" if segment != "No E-Mail" else "Mens E-Mail"


def test_a_user_called_like_nobody_is_told_with_the_way_to_set_them_aside(tmp_path):
    frame = draw_experiment(3000, seed=2).frame.astype({"customer": str})
    assert not any(remark.kind == "user" for remark in _check(tmp_path, frame).remarks)
    frame.loc[[3, 8], "customer"] = "'NULL'"
    changes = ("user_id: customer", 'user_id: "trim(customer, chr(39))"')
    (told,) = [remark.words for remark in _check(tmp_path, frame, changes).remarks if remark.kind == "user"]
    assert told.startswith("a user of experiment is called 'NULL', which looks like nobody")
    mended = ("user_id: customer", "user_id: \"nullif(trim(customer, chr(39)), 'NULL')\"")
    checked = _check(tmp_path, frame, mended)
    assert not any(remark.kind == "user" for remark in checked.remarks)
    assert checked.history.quarantine["reason"].tolist() == ["is empty", "is empty"]


@pytest.mark.parametrize(("n_words", "is_number"), [(1, True), (3, True), (60, True), (61, False)])
def test_a_few_words_among_numbers_count_as_missing_and_are_told(tmp_path, n_words, is_number):
    frame = draw_experiment(600, seed=2).frame.astype({"recency": object})
    frame.loc[: n_words - 1, "recency"] = "unknown"
    checked = _check(tmp_path, frame)
    told = [remark.words for remark in checked.remarks if "of recency" in remark.words]
    assert ("recency" in checked.trial.covariate_names) == is_number
    assert ("recency = unknown" in checked.trial.covariate_names) != is_number
    assert [words.partition(" as missing")[0] for words in told] == [
        "1 value of recency is no number and counts"
        if n_words == 1
        else f"{n_words} values of recency are no numbers and count"
    ] * is_number
    if is_number:
        column = checked.trial.covariate_names.index("recency")
        assert int(np.isnan(checked.trial.people.covariates[:, column]).sum()) == n_words


def test_users_in_more_than_one_group_are_told_where_the_last_row_counts_too(tmp_path):
    frame = draw_experiment(3000, seed=2).frame
    others = frame.iloc[[10, 11]].assign(segment=[_another(name) for name in frame["segment"].iloc[[10, 11]]])
    path = write(
        tmp_path,
        pd.concat([frame, others, frame.iloc[[20]]]),
        ("    source: test\n", "    source: test\n    corrections: last\n"),
    )
    told = " ".join(decision_engine("check", path, "-w", tmp_path / "w").out.split())
    assert "2 users are in more than one group; the last row counts." in told
    assert "2 superseded, 1 repeated" in told


def test_what_is_empty_is_told_once_however_much_follows_from_it(tmp_path):
    frame = draw_experiment(3000, seed=2).frame
    frame["late"] = np.where(frame["spend"] > 0, 1.5 + np.arange(3000) % 7, np.nan)  # filled for those who paid
    frame.loc[(frame["segment"] != "No E-Mail") & (np.arange(3000) % 3 == 0), "history"] = np.nan  # lost among the mailed
    covariates = "[recency, history,"
    words = [remark.words for remark in _check(tmp_path, frame, (covariates, f"{covariates} late,")).remarks]
    (late,) = [one for one in words if "late" in one and "lack covariates" not in one]
    assert late.count("goes with") + late.count("tells who") >= 2
    assert sum("history is filled for all" in one for one in words) == 1
    assert not any("history is empty is 0" in one or "history is empty differs" in one for one in words)
