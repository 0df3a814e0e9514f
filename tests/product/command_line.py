"""The command line as tests call it: in this process, which is quick, or as the installed program."""

from __future__ import annotations

import io
import json
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


def decision_engine(*arguments: object) -> Answer:
    """Run a command in this process."""
    from decision_engine.cli.main import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        patch.object(sys, "argv", ["decision-engine", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Answer(code=code, out=out.getvalue(), err=err.getvalue())


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start the installed program; the caller ends it.

    Ctrl-C means to it what it means on a terminal, also where the tests themselves run in the background and ignore it.
    """
    return subprocess.Popen(
        [str(PROGRAM), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def installed(*arguments: object) -> Answer:
    """Run a command as the installed program."""
    with start(*arguments) as program:
        out, err = program.communicate(timeout=600)
    return Answer(code=program.returncode, out=out, err=err)
