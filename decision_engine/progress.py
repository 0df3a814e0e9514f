"""What a long command says while it works: bars on a terminal, plain lines elsewhere, always on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """Announces stages and counts steps; quiet when asked.

    Parameters
    ----------
    quiet : bool
        Say nothing at all.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._terminal = sys.stderr.isatty() and not quiet
        self._bar_width = 24

    def say(self, line: str) -> None:
        """Write one line."""
        if not self.quiet:
            print(line, file=sys.stderr, flush=True)

    @contextmanager
    def stage(self, name: str, about: str) -> Iterator[None]:
        """Announce a stage when it starts and how long it took when it ends."""
        began = time.perf_counter()
        self.say(f"{name:<9} {about} ...")
        yield
        self.say(f"{name:<9} done in {time.perf_counter() - began:.1f} s")

    def step(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` steps are made; off a terminal only the last step is a line."""
        if self._terminal:
            filled = self._bar_width * done // max(total, 1)
            bar = "#" * filled + "." * (self._bar_width - filled)
            sys.stderr.write(f"\r          [{bar}] {done}/{total} {what}\x1b[K" + ("\n" if done >= total else ""))
            sys.stderr.flush()
        elif done >= total:
            self.say(f"          {what}: {done} of {total}")
