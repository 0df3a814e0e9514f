from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from decision_engine.config import Config, config_schema, load_config
from simulations.contact import ContactRules
from simulations.errors import ConfigError
from simulations.response import Source
from tests.history.shop import SHOP, open_shop, write_shop

EXAMPLES = Path(__file__).parents[2] / "examples"


def _refused(folder: Path, shop: str) -> str:
    with pytest.raises(ConfigError) as raised:
        load_config(write_shop(folder, shop))
    return str(raised.value)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_loads(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, file in re.findall(r"\$\{(\w+)\}/([\w.]+)", path.read_text()):  # loading asks only whether a file is there
        monkeypatch.setenv(variable, str(tmp_path))
        (tmp_path / file).touch()
    assert load_config(path).action_set().names[0] == "none"


def test_a_configuration_hands_out_what_the_rooms_below_need(tmp_path: Path) -> None:
    config = open_shop(tmp_path)
    assert config.action_set().names == ("none", "coupon", "call")
    assert config.contact_rules() == ContactRules(max_contacts=2, window_weeks=4, min_gap_weeks=0)
    assert config.calendar().n_periods == 4
    assert config.calendar().first_day == date(2024, 1, 1)
    assert config.as_of(3) == date(2024, 1, 21)
    assert config.capacities().tolist() == [-1, -1, -1]
    coupon, call = config.assumed_responses()
    assert (coupon.action, call.action) == ("coupon", "call")
    assert coupon.shift_mean[0] == 0.1
    assert coupon.shift_covariance[0, 0] == pytest.approx(0.04)
    assert call.shift_source is Source.ASSUMED
    assert np.count_nonzero(call.shift_covariance) == 0
    assert coupon.decay.source is Source.FIXED


def test_a_single_mapping_reads_as_a_list_of_one(tmp_path: Path) -> None:
    listed = SHOP.replace("    source: people\n    columns: {user_id", "    - source: people\n      columns: {user_id")
    assert open_shop(tmp_path, listed).tables == open_shop(tmp_path).tables


BAD = {
    "a contact action without a cost": (
        "cost: 3, ",
        "",
        r"shop.yaml, line 21, actions[1].cost: action 'call' states no `cost`. Add `cost:`: cost of one contact",
    ),
    "a budget below zero": (
        "budget: 100",
        "budget: -1",
        "shop.yaml, line 22, campaign.budget: -1 is not possible: it should be greater than or equal to 0",
    ),
    "two actions of one name": (
        "name: call",
        "name: coupon",
        "shop.yaml, line 21, actions[1].name: action 'coupon' is declared twice, first on line 20",
    ),
    "a missing file": ("file: orders.csv", "file: oders.csv", "sources.orders.file: "),
    "a missing file, with the likely one": (
        "file: orders.csv",
        "file: oders.csv",
        "oders.csv does not exist. Did you mean `orders.csv`?",
    ),
    "an unknown key": (
        "budget: 100",
        "budget: 1, holdout: 0.1",
        "line 22, campaign.holdout: unknown key `holdout`. Did you mean `holdout_",
    ),
    "a misspelt response": (
        "purchase_lift: 0.2",
        "purchase_lft: 0.2",
        "response.purchase_lft: unknown key `purchase_lft`. Did you mean `purchase_lift`",
    ),
    "an unknown source": (
        "source: people",
        "source: peple",
        "line 15, tables.customers.source: source 'peple' is not declared. Did you mean `people`?",
    ),
    "an unknown canonical column": (
        "revenue: paid",
        "revenu: paid",
        "table orders has no column 'revenu'. Did you mean `revenue`?",
    ),
    "a required column left out": (", revenue: paid", "", "tables.orders.columns: table orders needs revenue. Add `revenue:`"),
    "a value mapped to no action": (
        "Letter: coupon",
        "Letter: cupon",
        "values.action.Letter: action 'cupon' is not declared. Did you mean `coupon`?",
    ),
    "no week to judge": ("last_fitting_period: 3", "last_fitting_period: 4", "week 4 leaves no week to judge on"),
    "a day that does not exist": ("2024-01-01", "2024-02-30", "line 17, time.first_day: '2024-02-30' is not possible"),
    "an action called none": ("name: call", "name: none", "`none` is always there"),
    "a key twice": (
        "margin_share: 0.3",
        "margin_share: 0.3\nmargin_share: 0.4",
        "margin_share: key `margin_share` is written twice",
    ),
    "no source of orders": ("  orders:\n    source", "  searches:\n    source", "neither `orders` nor `items` is mapped"),
    "a source that is two things": ("{file: people.csv}", "{file: people.csv, database: x, query: y}", "either `file`"),
    "a package that is not there": (
        "{file: people.csv}",
        "{file: a.csv, package: no_such_package}",
        "package no_such_package is not installed",
    ),
    "a file outside its package": ("{file: people.csv}", "{file: ../a.csv, package: yaml}", "lies outside package yaml"),
    "an encoding nobody knows": (
        "{file: people.csv}",
        "{file: people.csv, encoding: klingon}",
        "encoding 'klingon' is unknown",
    ),
    "a share above one": (
        "purchase_lift: 0.2",
        "purchase_lift: 0.2, decay: 1.5",
        "response.decay: the mean, 1.5, must lie between 0 and 1",
    ),
    "an unset environment variable": (
        "file: people.csv",
        "file: '${NO_SUCH_VARIABLE_HERE}'",
        "NO_SUCH_VARIABLE_HERE is not set",
    ),
    "no YAML": ("budget: 100}", "budget: [100}", "shop.yaml, line 22, column 24: this is not YAML"),
}


@pytest.mark.parametrize(("old", "new", "said"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_named_with_file_line_key_and_remedy(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SHOP
    told = _refused(tmp_path, SHOP.replace(old, new, 1))
    assert said in told
    assert told.startswith("shop.yaml")


def test_all_findings_come_in_one_message_in_the_order_of_lines(tmp_path: Path) -> None:
    shop = SHOP.replace("budget: 100", "budget: -1").replace("name: call", "name: coupon").replace("orders.csv", "oders.csv")
    told = _refused(tmp_path, shop).splitlines()
    assert told[0] == "shop.yaml: 3 things to mend."
    assert [line.split(",")[1] for line in told[1:]] == [" line 3", " line 21", " line 22"]


@pytest.mark.parametrize(
    ("content", "said"), [("", "the file is empty"), ("- a\n", "holds a list"), ("a: &a [*a]\n", "not YAML")]
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, content: str, said: str) -> None:
    assert said in _refused(tmp_path, content)


def test_a_missing_configuration_names_its_neighbours(tmp_path: Path) -> None:
    write_shop(tmp_path)
    with pytest.raises(ConfigError, match=r"shp\.yaml: no such configuration file\. In that folder there is: shop\.yaml"):
        load_config(tmp_path / "shp.yaml")


def test_on_is_a_word_and_not_a_truth_value(tmp_path: Path) -> None:
    shop = SHOP.replace("    source: contacts\n", "    source: contacts\n    join: [{source: people, on: [customer]}]\n")
    (mapping,) = open_shop(tmp_path, shop).tables.exposures or ()
    assert mapping.join[0].on == {"customer": "customer"}


def test_paths_may_name_environment_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_FOLDER", str(tmp_path))
    config = open_shop(tmp_path, SHOP.replace("file: orders.csv", "file: '${SHOP_FOLDER}/orders.csv'"))
    assert config.sources["orders"].path(Path("elsewhere")) == tmp_path / "orders.csv"


def test_the_schema_lets_one_mapping_stand_for_a_list_and_describes_every_field() -> None:
    schema = config_schema()
    kinds = [
        option.get("$ref", option.get("type")) for option in schema["$defs"]["TablesConfig"]["properties"]["orders"]["anyOf"]
    ]
    assert kinds == ["#/$defs/TableMapping", "array", "null"]
    for model in (schema, *schema["$defs"].values()):
        for name, field in model.get("properties", {}).items():
            assert field.get("description"), name
    assert set(schema["required"]) <= set(Config.model_fields)


def test_a_file_is_a_pattern_a_member_or_a_sheet_and_the_schema_tells(tmp_path: Path) -> None:
    source = config_schema()["$defs"]["SourceConfig"]["properties"]
    assert {"member", "sheet", "time_formats", "time_zone", "personal", "pseudonymised"} <= set(source)
    assert "returns" in config_schema()["$defs"]["TableMapping"]["properties"]
    shop = SHOP.replace("{file: orders.csv}", "{file: 'ord*.csv'}")
    assert open_shop(tmp_path, shop).sources["orders"].paths(tmp_path) == [tmp_path / "orders.csv"]


def test_returns_go_with_revenue_only(tmp_path: Path) -> None:
    shop = SHOP.replace("    source: people\n", "    source: people\n    returns: town = 'Ulm'\n")
    assert "tables.customers.returns: table customers has no revenue that a return could turn" in _refused(tmp_path, shop)


def test_holidays_are_read_with_what_is_assumed_of_them_and_none_twice(tmp_path: Path) -> None:
    plain = re.sub(r"(time: \{.*)\}", r"\1, holidays: [@]}", SHOP)
    one = "{name: Easter, days: [2024-03-31], purchase_lift: {mean: 0.2, sd: 0.1}}"
    (holiday,) = open_shop(tmp_path, plain.replace("@", one)).calendar().holidays
    assert (holiday.days, holiday.lifts) == ((date(2024, 3, 31),), ((0.2, 0.1), None))
    assert "time.holidays[1].name: holiday 'Easter' is declared twice" in _refused(
        tmp_path, plain.replace("@", f"{one}, {one}")
    )
    assert "time.holidays[0].days" in _refused(tmp_path, plain.replace("@", "{name: Easter, days: [in spring]}"))
