"""Users who live shard after shard live as they do all at once; names are known before anything is fitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from decision_engine.config import load_config
from decision_engine.config.models import Config
from decision_engine.policy_names import TRAINED, policy_names
from decision_engine.scenario import Scenario
from decision_engine.scenario_words import read_action
from decision_engine.stages.fit import Fitted
from decision_engine.stages.learn import Classroom, PolicySettings
from decision_engine.stages.simulate import Simulated, simulate
from simulations.errors import InputError
from simulations.outlook import Span
from simulations.service import Service
from tests.product.generated_shop import QUICK, write_shop
from tests.small_world import N_USERS, small_world


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Return a configuration of the small world's actions, with money for everybody."""
    loaded = load_config(write_shop(tmp_path_factory.mktemp("shop"), *QUICK).configuration)
    actions = (read_action("coupon: cost 0.3, lift 0.1"), read_action("care: cost 0.8, lift 0.1"))
    return loaded.model_copy(update={"actions": actions, "campaign": loaded.campaign.model_copy(update={"budget": 1e6})})


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    ensemble = small_world().ensemble
    return Fitted(judged=ensemble, final=ensemble, goodness=None, n_training=1)


def lived(fitted: Fitted, config: Config, n_users: int | None, shard_users: int = 10**6, **more: object) -> Simulated:
    scenario = more.pop("scenario", Scenario())
    assert isinstance(scenario, Scenario)
    return simulate(
        small_world().panel, fitted, config, scenario, policies=("always coupon",), n_users=n_users, weeks=4,
        shard_users=shard_users, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_shards_live_as_all_at_once(fitted, config):
    steps: list[tuple[int, int]] = []
    whole = lived(fitted, config, 700)
    parts = lived(fitted, config, 700, 200, on_step=lambda done, total: steps.append((done, total)))
    assert parts.n_users == parts.comparison.n_users == 700
    assert np.allclose(parts.weekly[["mean", "low", "high"]], whole.weekly[["mean", "low", "high"]], rtol=1e-6)
    for own, all_at_once in zip(parts.comparison.outcomes, whole.comparison.outcomes, strict=True):
        assert own.value == pytest.approx(all_at_once.value)
        assert own.order_days == pytest.approx(all_at_once.order_days)
        assert own.low == pytest.approx(all_at_once.low, abs=0.3)
    assert steps == [(done, 8) for done in range(1, 9)]


def test_more_tickets_make_users_less_satisfied_and_buy_less_and_without_any_there_are_no_more(fitted, config):
    with pytest.raises(InputError, match="no ticket is known to come about"):
        lived(fitted, config, None, scenario=Scenario(tickets=0.5))
    service = Service(
        active=True, ticket_chance=0.2, review_chance=0.0, resolution=0.2, drop=0.5, relief=0.1, review_weight=0.5,
        review_scores=np.zeros(1),
    )  # fmt: skip
    ensemble = small_world().ensemble
    moody = tuple(
        replace(one, service=service, fit=replace(one.fit, moods=np.array([1.0, -1.0]))) for one in ensemble.members
    )  # fmt: skip
    served = replace(fitted, final=replace(ensemble, members=moody))
    usual, worse = (lived(served, config, 3 * N_USERS, scenario=Scenario(tickets=share)) for share in (0.0, 3.0))
    assert worse.comparison.outcomes[0].order_days < 0.97 * usual.comparison.outcomes[0].order_days
    assert Scenario(tickets=-0.5).sentences(1.0, "USD") == ["an order brings a ticket 50.0% less often"]


def test_newcomers_are_shared_out_among_shards(fitted, config):
    whole = lived(fitted, config, 3 * N_USERS, scenario=Scenario(newcomers="30"))
    parts = lived(fitted, config, 3 * N_USERS, N_USERS, scenario=Scenario(newcomers="30"))
    assert whole.newcomers is not None
    assert parts.newcomers is not None
    assert whole.newcomers == pytest.approx(4 * 90, abs=80)
    assert parts.newcomers == pytest.approx(whole.newcomers, abs=110)
    assert parts.comparison.n_users == 3 * N_USERS + parts.newcomers


def test_everybody_lives_once_in_each_round_and_copies_have_lives_of_their_own(fitted, config):
    once, thrice = lived(fitted, config, None), lived(fitted, config, 3 * N_USERS, 250)
    days = [one.weekly.query("policy == 'do nothing' and quantity == 'order_days'")["mean"].sum() for one in (once, thrice)]
    assert days[1] != 3 * days[0]
    assert days[1] == pytest.approx(3 * days[0], rel=0.1)


def test_a_shard_has_its_share_of_the_money(fitted, config):
    poor = config.model_copy(update={"campaign": config.campaign.model_copy(update={"budget": 15.0})})
    whole, parts = lived(fitted, poor, 600), lived(fitted, poor, 600, 150)
    spent = [one.comparison.outcome("always coupon").spend for one in (whole, parts)]
    assert 0.0 < spent[1] == pytest.approx(spent[0], rel=0.05)
    assert spent[0] < 0.5 * lived(fitted, config, 600).comparison.outcome("always coupon").spend


def test_a_promotion_moves_the_weeks_that_it_names(fitted, config):
    usual = lived(fitted, config, None)
    promoted = lived(fitted, config, None, scenario=Scenario(spans=(Span(first=2, last=2, buying=0.5),)))
    ratio = [
        one.weekly.query("policy == 'do nothing' and quantity == 'order_days'")["mean"].to_numpy() for one in (promoted, usual)
    ]
    assert np.array_equal(ratio[0][:2], ratio[1][:2])
    assert ratio[0][2] > 1.1 * ratio[1][2]


def test_all_policies_that_need_no_training_are_among_the_names_known_before(fitted, config):
    scene = Classroom.of(small_world().panel, small_world().ensemble, 1, config)
    made = {policy.name for policy in scene.without_training(PolicySettings.default(config))}
    assert set(policy_names(config)) == {*made, *TRAINED}
    quiet = replace(scene, panel=replace(scene.panel, exposure_bits=np.zeros_like(scene.panel.exposure_bits)))
    assert "as history did" not in {policy.name for policy in quiet.without_training(PolicySettings.default(config))}
