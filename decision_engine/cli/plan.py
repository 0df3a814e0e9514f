"""`decision-engine plan`: make, show, compare, approve, reject, export and verify plans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from decision_engine.cli.options import DEFAULT_WORKSPACE, AsJson, ConfigPath, Workers, WorkspacePath
from decision_engine.cli.width import fold

if TYPE_CHECKING:
    from decision_engine.planning import Ledger, PlanState

plan_commands = typer.Typer(help="Make, read, approve and export plans.", no_args_is_help=True, rich_markup_mode=None)

PlanId = Annotated[str, typer.Argument(help="A plan's id, the beginning of one, or `latest`.")]
Person = Annotated[str, typer.Option("--by", help="Who does it; a plan is approved by somebody other than its maker.")]
Digest = Annotated[str, typer.Option(help="Digest that was read; the plan must still have it.", show_default=False)]
Comment = Annotated[str, typer.Option(help="Why, in a sentence; kept in the ledger.")]


@plan_commands.command("make")
def make(
    config: ConfigPath, workspace: WorkspacePath = DEFAULT_WORKSPACE, json: AsJson = False, workers: Workers = None
) -> None:
    """Make the coming week's plan; the same as `run`, told from the plan's side."""
    from decision_engine.cli.options import print_json
    from decision_engine.config import load_config
    from decision_engine.pipeline import run_main_job
    from decision_engine.progress import Progress
    from decision_engine.workspace import Workspace

    job = run_main_job(load_config(config), Workspace(workspace), workers=workers, progress=Progress())
    if json:
        print_json(job.plan.to_json())
    else:
        typer.echo(fold(job.plan.summary()))


@plan_commands.command("list")
def list_plans(workspace: WorkspacePath = DEFAULT_WORKSPACE, json: AsJson = False) -> None:
    """List the plans of a workspace, oldest first."""
    from decision_engine.cli.options import print_json

    with open_ledger(workspace) as ledger:
        states = [(name, version, ledger.state(digest)) for digest, name, version in ledger.plans()]
    if json:
        print_json(
            [
                {
                    "id": f"plan-{state.digest[:12]}",
                    "name": name,
                    "version": version,
                    "status": state.status,
                    "maker": state.maker,
                }
                for name, version, state in states
            ]
        )
        return
    for name, version, state in states:
        typer.echo(fold(f"{_id(state)}  version {version:<3} {state.status:<9} {name}, made by {state.maker}"))
    if not states:
        typer.echo("no plan yet; `decision-engine run CONFIG` makes one.")


@plan_commands.command("show")
def show(
    plan: PlanId = "latest",
    workspace: WorkspacePath = DEFAULT_WORKSPACE,
    json: AsJson = False,
    rows: Annotated[int, typer.Option(min=0, help="How many of its rows to show.")] = 10,
) -> None:
    """Show a plan: what it does, what it should bring, where it stands, and its first rows."""
    from decision_engine.cli.options import print_json
    from decision_engine.planning.reasons import NOTHING_UNUSUAL

    with open_ledger(workspace) as ledger:
        found, state, entries = ledger.plan(plan), ledger.state(plan), ledger.entries(plan)
    if json:
        print_json({**found.to_json(), "status": state.status, "history": [_entry(entry) for entry in entries]})
        return
    typer.echo(fold(f"{found.summary()}\ndigest {found.digest}"))
    for entry in entries:
        comment = entry.details.get("comment", "")
        typer.echo(fold(f"{entry.event} by {entry.actor} at {entry.at}" + (f": {comment}" if comment else "")))
    for row in found.rows.head(rows).to_dict(orient="records"):
        told = (
            f"\n{row['user_id']}: {row['action']} ({row['source']}), cost {row['cost']:,.2f}, "
            f"increment {row['increment']:,.2f} ({row['low']:,.2f} to {row['high']:,.2f})"
        )
        typer.echo(fold("\n".join([told, *(f"    {reason}" for reason in row["reasons"] or (NOTHING_UNUSUAL,))])))
    if len(found.rows) > rows:
        typer.echo(fold(f"\nshowing {rows} of {len(found.rows):,} rows; --rows shows more, `plan export` writes all."))


@plan_commands.command("diff")
def diff(
    before: PlanId,
    after: PlanId = "latest",
    workspace: WorkspacePath = DEFAULT_WORKSPACE,
    json: AsJson = False,
) -> None:
    """Compare two plans: totals, settings, and whose action changed."""
    from decision_engine.cli.options import print_json
    from decision_engine.planning.difference import compare_plans

    with open_ledger(workspace) as ledger:
        difference = compare_plans(ledger.plan(before), ledger.plan(after))
    if json:
        print_json(difference.to_json())
    else:
        typer.echo(fold(difference.summary()))


@plan_commands.command("approve")
def approve(
    plan: PlanId,
    by: Person,
    workspace: WorkspacePath = DEFAULT_WORKSPACE,
    comment: Comment = "",
    digest: Digest = "",
    json: AsJson = False,
) -> None:
    """Approve a plan; only somebody other than its maker can."""
    _decide("approve", plan, by, workspace, comment, digest, json)


@plan_commands.command("reject")
def reject(
    plan: PlanId,
    by: Person,
    workspace: WorkspacePath = DEFAULT_WORKSPACE,
    comment: Comment = "",
    digest: Digest = "",
    json: AsJson = False,
) -> None:
    """Send a plan back; only somebody other than its maker can."""
    _decide("reject", plan, by, workspace, comment, digest, json)


@plan_commands.command("export")
def export(
    plan: PlanId,
    workspace: WorkspacePath = DEFAULT_WORKSPACE,
    to: Annotated[Path | None, typer.Option(help="Folder to write into; default: `exports` there.", show_default=False)] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who exports; default: the login name.", show_default=False)] = None,
    json: AsJson = False,
) -> None:
    """Write an approved plan as CSV, Parquet and JSON, with the exposures for the next run; twice is once."""
    from decision_engine.cli.options import print_json
    from decision_engine.planning import export_plan
    from decision_engine.planning.approval import login_name

    with open_ledger(workspace) as ledger:
        manifest = export_plan(ledger, plan, to or workspace / "exports", by=by or login_name())
    if json:
        print_json({**manifest.to_json(), "folder": str(manifest.folder)})
        return
    typer.echo(f"{manifest.plan_id} is in {manifest.folder}:")
    for name, file_digest in manifest.files.items():
        typer.echo(f"  {name:<15} sha256 {file_digest[:16]}")


@plan_commands.command("verify")
def verify(
    workspace: WorkspacePath = DEFAULT_WORKSPACE,
    head: Annotated[str | None, typer.Option(help="A hash noted earlier that must still be there.", show_default=False)] = None,
    json: AsJson = False,
) -> None:
    """Check the whole ledger: every entry, every plan, and the chain between them."""
    from decision_engine.cli.options import print_json

    with open_ledger(workspace) as ledger:
        count, last = ledger.verify(head=head), ledger.head()
    if json:
        print_json({"entries": count, "head": last, "intact": True})
    else:
        typer.echo(fold(f"{count} {'entry' if count == 1 else 'entries'}, all as written; head {last}"))


def _decide(step: str, plan: str, by: str, workspace: Path, comment: str, digest: str, as_json: bool) -> None:
    from decision_engine.cli.options import print_json
    from simulations.errors import InputError

    with open_ledger(workspace) as ledger:
        if plan == "latest" and not digest:
            raise InputError(f"plan {step}: name the plan that was read ({_id(ledger.state(plan))}?), or give its --digest.")
        seen = digest or ledger.find(plan)
        state = (ledger.approve if step == "approve" else ledger.reject)(plan, by=by, digest=seen, comment=comment)
    if as_json:
        print_json({"id": _id(state), "digest": state.digest, "status": state.status, "by": by})
    else:
        typer.echo(f"{_id(state)} is {state.status} by {by}.")


def open_ledger(workspace: Path) -> Ledger:
    """Open a workspace's ledger of plans; `InputError` where it has none."""
    from decision_engine.planning import Ledger
    from decision_engine.workspace import Workspace
    from simulations.errors import InputError

    place = Workspace(workspace).ledger
    if not place.is_file():
        raise InputError(
            f"workspace {workspace}: no ledger of plans here; `decision-engine run CONFIG -w {workspace}` makes one."
        )
    return Ledger(place)


def _id(state: PlanState) -> str:
    return f"plan-{state.digest[:12]}"


def _entry(entry: object) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(entry)  # type: ignore[call-overload,no-any-return]
