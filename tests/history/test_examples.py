from __future__ import annotations

from pathlib import Path

import pytest

from decision_engine.config import load_config
from decision_engine.history import judge_readiness, read_history
from simulations.errors import ConfigError

EXAMPLES = {
    "cdnow": ("CDNOW_DATA", "cdnow", 69_659, 67_591, {"profile", "fit", "search", "evaluate", "plan"}),
    "starbucks_offers": ("STARBUCKS_DATA", "starbucks_offers", 232_230, 138_953, {"profile", "effects"}),
    "olist": ("OLIST_DATA", "olist_sample", 8_824, 2_959, {"profile", "recommendations", "signals"}),
    "open_bandit": ("OPEN_BANDIT_DATA", "open_bandit", 10_046, 46, {"off-policy evaluation"}),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_reads_every_row_of_its_data_and_supports_what_it_says(
    checkout: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    variable, folder, n_read, n_orders, stages = EXAMPLES[name]
    monkeypatch.setenv(variable, str(shared_data / folder))
    config = load_config(checkout / "examples" / f"{name}.yaml")
    history = read_history(config)
    assert len(history.table("orders")) == n_orders
    assert history.n_quarantined == 0
    assert history.n_read == n_read
    readiness = judge_readiness(history, history.panel(config.action_set(), config.calendar()), config)
    assert {stage.stage for stage in readiness.stages if stage.supported} == stages


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_without_its_data_says_which_variable_names_them(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(EXAMPLES[name][0], raising=False)
    with pytest.raises(ConfigError, match=f"environment variable {EXAMPLES[name][0]} is not set"):
        load_config(checkout / "examples" / f"{name}.yaml")
