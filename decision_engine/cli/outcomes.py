"""`decision-engine outcomes`: what an exported plan brought, against what it promised."""

from __future__ import annotations

from typing import Annotated

import typer

from decision_engine.cli.options import DEFAULT_WORKSPACE, AsJson, ConfigPath, WorkspacePath
from decision_engine.cli.plan import open_ledger
from decision_engine.cli.width import fold


def outcomes(
    config: ConfigPath,
    plan: Annotated[str, typer.Argument(help="A plan's id, the beginning of one, or `latest`.")] = "latest",
    workspace: WorkspacePath = DEFAULT_WORKSPACE,
    by: Annotated[str | None, typer.Option("--by", help="Who measures; default: the login name.", show_default=False)] = None,
    json: AsJson = False,
) -> None:
    """Compare contacted with held-out users in the weeks after an exported plan, from the history that CONFIG reads.

    Exported plans of overlapping weeks are measured together: their effects cannot be told apart.
    """
    from decision_engine.cli.options import print_json
    from decision_engine.config import load_config
    from decision_engine.history import read_history
    from decision_engine.planning import measure_outcomes
    from decision_engine.planning.approval import CARRIED_OUT, login_name
    from decision_engine.workspace import Workspace
    from simulations.errors import PlanError

    settings = load_config(config)
    if settings.experiment is not None:
        raise PlanError(
            "an experiment holds no orders to measure a plan by: after the plan, map what came of its users as the next "
            "experiment, with the actions and probabilities of the export's exposures.csv."
        )
    with open_ledger(workspace) as ledger, Workspace(workspace).locked():
        found = ledger.plan(plan)
        status = ledger.state(found.digest).status
        if status not in CARRIED_OUT:
            raise PlanError(f"{found.id} is {status}; what it brought can be measured once it was approved and exported.")
        history = read_history(settings)
        result = measure_outcomes(
            found,
            history.table("orders"),
            observed_until=settings.as_of(settings.time.last_period),
            others=ledger.carried_out(),
        )
        ledger.measured(found.digest, by=by or login_name(), digest=found.digest, outcomes=result.to_json())
    if json:
        print_json(result.to_json())
    else:
        typer.echo(fold(result.summary()))
