"""The command `decision-engine`: its subcommands, a file each, and how an error becomes an exit code."""

from __future__ import annotations

import sys

import typer

from decision_engine.cli.check import check
from decision_engine.cli.fit import fit
from decision_engine.cli.history import history
from decision_engine.cli.init import init
from decision_engine.cli.outcomes import outcomes
from decision_engine.cli.plan import plan_commands
from decision_engine.cli.run import run
from decision_engine.cli.schema import schema
from decision_engine.cli.width import fold
from simulations.errors import DecisionEngineError, InputError

app = typer.Typer(
    name="decision-engine",
    help="Turn a retailer's history into a plan of actions, and show why the plan should be believed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(run)
app.command()(init)
app.command()(check)
app.command()(fit)
app.command()(history)
app.add_typer(plan_commands, name="plan")
app.command()(outcomes)
app.command()(schema)

INTERRUPTED = 130
_STOPPED = "\nstopped; the same command goes on from the last finished stage."


def main() -> None:
    """Run the command line; 0 done, 2 the input is wrong, 1 a fault of ours, 130 stopped by the user."""
    try:
        app()
    except SystemExit as end:
        if end.code == INTERRUPTED:  # Typer turns Ctrl-C into this code, and says nothing
            print(_STOPPED, file=sys.stderr)
        raise
    except InputError as error:
        print(fold(f"error: {error}"), file=sys.stderr)
        raise SystemExit(2) from None
    except DecisionEngineError as error:
        print(fold(f"fault: {error}"), file=sys.stderr)
        raise SystemExit(1) from None
    except (KeyboardInterrupt, SystemError) as stop:
        if not _is_interrupt(stop):
            raise
        print(_STOPPED, file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None


def _is_interrupt(error: BaseException | None) -> bool:
    """Tell whether Ctrl-C is behind an error: compiled code reports it as a `SystemError` that it caused."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


if __name__ == "__main__":
    main()
