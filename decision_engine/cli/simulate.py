"""`decision-engine simulate`: what would come, policy by policy, in the world as it was or another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decision_engine.cli.options import DEFAULT_WORKSPACE, AsJson, ConfigPath, WorkspacePath
from decision_engine.cli.width import fold


def simulate(
    config: ConfigPath,
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", "-p", help="Policy, such as 'always coupon'; repeat it. Without: all that need no training."),
    ] = None,
    users: Annotated[
        int | None, typer.Option(min=1, help="Users, drawn from the history. Without: all.", show_default=False)
    ] = None,
    weeks: Annotated[
        int | None, typer.Option(min=1, max=520, help="Weeks. Without: policy_horizon_weeks.", show_default=False)
    ] = None,
    budget: Annotated[str, typer.Option(help="Another weekly budget: 800, or a cut such as -30%.")] = "",
    prices: Annotated[str, typer.Option(help="Another level of prices, such as +5%; the cost of goods stays.")] = "",
    elasticity: Annotated[
        float, typer.Option(help="How the odds to buy follow prices: -1 is one percent less for one more.")
    ] = -1.0,
    season: Annotated[
        str, typer.Option(help="Higher or lower odds to buy: +20% in all simulated weeks, or '+20% in weeks 3-6'.")
    ] = "",
    promotion: Annotated[
        list[str] | None,
        typer.Option(help="Weeks with a promotion, such as 'weeks 3-4: odds +20%, baskets -5%'; repeat it."),
    ] = None,
    trend: Annotated[str, typer.Option(help="Change of the odds to buy from week to week, such as +0.5%.")] = "",
    drift: Annotated[
        float,
        typer.Option(help="How far what an action does walks about a week, in log-odds, such as 0.05.", show_default=False),
    ] = 0.0,
    newcomers: Annotated[
        str,
        typer.Option(help="New users who arrive: 'as before', +50% of how many came lately, or 120 a week. Without: nobody."),
    ] = "",
    tickets: Annotated[str, typer.Option(help="How much more or less often an order brings a ticket, such as +50%.")] = "",
    without: Annotated[list[str] | None, typer.Option(help="Action that may not be used; repeat it.")] = None,
    new_action: Annotated[
        list[str] | None,
        typer.Option(help="A new action, such as 'sms: cost 0.05, lift 0.1, sd 0.05, weeks 2'; simulators are fitted anew."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Parquet file of the weeks. Without: in the workspace.")
    ] = None,
    workspace: WorkspacePath = DEFAULT_WORKSPACE,
    json: AsJson = False,
) -> None:
    """Let users live under policies, from where they stand at the end of the history, and say what comes of it."""
    from decision_engine.cli.options import print_json
    from decision_engine.config import load_config
    from decision_engine.progress import Progress
    from decision_engine.scenario import read_scenario
    from decision_engine.simulate_job import run_simulate_job
    from decision_engine.workspace import Workspace

    scenario = read_scenario(
        budget=budget,
        prices=prices,
        elasticity=elasticity,
        season=season,
        promotions=promotion or (),
        trend=trend,
        drift=drift,
        newcomers=newcomers,
        tickets=tickets,
        without=without or (),
        new_actions=new_action or (),
    )
    done = run_simulate_job(
        load_config(config),
        scenario,
        Workspace(workspace),
        policies=tuple(policy or ()),
        n_users=users,
        weeks=weeks,
        out=out,
        progress=Progress(),
    )
    if json:
        print_json(done.document)
    else:
        typer.echo(f"{done.text}\n{fold(f'weeks: {done.file}')}")
