"""The fidelity benchmark: every figure is there, from the card, or null with a reason."""

from __future__ import annotations

import pytest

from benchmarks.fidelity import Bars, figures_of, measure

NAMES = {
    "mae_orders", "rmse_orders", "mae_orders_bgnbd", "mae_orders_repeat", "aggregate_error", "ks_complement", "ks_smallest",
    "two_sample_auc", "band_coverage", "retention_max_error", "return_ece", "fit_seconds",
}  # fmt: skip


@pytest.mark.slow
def test_a_small_shop_has_every_figure():
    figures = {figure.name: figure for figure in measure(quick=True)}
    assert set(figures) == {f"{name}_{suffix}" for name in NAMES for suffix in ("cj", "cdnow")}
    for name in NAMES:
        assert figures[f"{name}_cj"].value is not None
        assert figures[f"{name}_cdnow"].value is None
        assert figures[f"{name}_cdnow"].note == "left out: small sizes"
    assert 0.8 < float(figures["ks_complement_cj"].value or 0.0) <= 1.0
    assert figures["ks_complement_cj"].peer == "real against real"


def test_what_has_no_data_is_null_and_says_why():
    figures = figures_of(None, "cdnow", Bars(), "no data here")
    assert {figure.name for figure in figures} == {f"{name}_cdnow" for name in NAMES}
    assert all(figure.value is None and figure.note == "no data here" for figure in figures)
