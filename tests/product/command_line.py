"""The command line as tests call it: in this process, which is quick, or as the installed program."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

PROGRAM = Path(sys.executable).with_name("decision-engine")


@dataclass(frozen=True, kw_only=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


def decision_engine(*arguments: object, columns: int = 10_000) -> Answer:
    """Run a command in this process, where any message has room on one line; with 0 columns no width is known."""
    from decision_engine.cli.main import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        patch.object(sys, "argv", ["decision-engine", *map(str, arguments)]),
        patch.dict(os.environ, {"COLUMNS": str(columns)}),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Answer(code=code, out=out.getvalue(), err=err.getvalue())


def start(*arguments: object, columns: int = 10_000) -> subprocess.Popen[str]:
    """Start the installed program; the caller ends it.

    Ctrl-C means to it what it means on a terminal, also where the tests themselves run in the background and ignore it.
    """
    return subprocess.Popen(
        [str(PROGRAM), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "COLUMNS": str(columns)},
        text=True,
        bufsize=1,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def installed(*arguments: object, columns: int = 10_000) -> Answer:
    """Run a command as the installed program."""
    with start(*arguments, columns=columns) as program:
        out, err = program.communicate(timeout=600)
    return Answer(code=program.returncode, out=out, err=err)
