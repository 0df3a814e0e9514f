"""The example run, made once, and its page."""

from __future__ import annotations

import pytest

from reports.run import RunReport, render_run
from tests.reports import example_run


@pytest.fixture(scope="session")
def full_report() -> RunReport:
    return example_run.full_report()


@pytest.fixture(scope="session")
def full_page(full_report: RunReport) -> str:
    return render_run(full_report)
