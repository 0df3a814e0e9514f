"""The document that every benchmark prints."""

from __future__ import annotations

import json

from benchmarks.measurement import Figure, run


def _measure(quick: bool) -> list[Figure]:
    print("talk that must not reach stdout")
    return [
        Figure(name="rows", value=10.0 if quick else 1000.0, unit="count", to_reach="at least 5", peer="a loop", peer_value=2.0)
    ]


def test_a_benchmark_prints_one_document_and_nothing_else(capsys):
    run("sums", _measure, ["--quick", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert set(printed) == {"benchmark", "machine", "seconds", "figures"}
    assert printed["figures"] == [
        {
            "name": "rows",
            "value": 10.0,
            "unit": "count",
            "to_reach": "at least 5",
            "peer": "a loop",
            "peer_value": 2.0,
            "note": "",
        }
    ]


def test_without_json_a_benchmark_prints_a_table(capsys):
    run("sums", _measure, [])
    assert capsys.readouterr().out == "rows  1,000 count  (to reach: at least 5; a loop: 2 count)\n"


def test_a_number_that_could_not_be_measured_is_null_and_says_why(capsys):
    run("sums", lambda quick: [Figure(name="rows", value=None, unit="count", note="no data")], ["--json"])
    (figure,) = json.loads(capsys.readouterr().out)["figures"]
    assert figure["value"] is None
    assert figure["note"] == "no data"
