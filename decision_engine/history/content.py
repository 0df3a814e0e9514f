"""Content: what a configuration's sources hold, told by digests of their bytes and not by their names or times."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from decision_engine.config.models import Config
from decision_engine.history.databases import Answer, store_answer
from decision_engine.history.file_digests import FileDigests
from decision_engine.history.sources import used_sources
from simulations.errors import HistoryError


def ask_databases(config: Config, folder: Path) -> dict[str, Answer]:
    """Ask every database that a configuration reads, once; the answers lie in `folder`.

    Raises
    ------
    ConfigError, HistoryError
        If a database cannot be reached or refuses its query, with the place in the configuration.
    """
    answers: dict[str, Answer] = {}
    for name in used_sources(config):
        settings = config.sources[name]
        if settings.database is not None:
            try:
                answers[name] = store_answer(settings.database, str(settings.query), folder / f"answer {len(answers)}.parquet")
            except HistoryError as error:
                raise HistoryError(f"{config.origin.where(('sources', name))}: {error}") from None
    return answers


def digest_sources(config: Config, digests: FileDigests | None = None, answers: Mapping[str, Answer] | None = None) -> str:
    """Return the SHA-256 of everything the sources hold and how they are mapped: the key of what is made from them.

    What files are called does not count, only what they hold and in which order a pattern finds them. An absent optional file
    counts as none.

    Parameters
    ----------
    digests : FileDigests, optional
        Digests that are known already.
    answers : mapping of str to Answer, optional
        What databases answered; they are asked where left out.
    """
    with ExitStack() as stack:
        if answers is None:
            answers = ask_databases(config, Path(stack.enter_context(TemporaryDirectory(prefix="decision-engine-"))))
        digest = hashlib.sha256()
        for part in _parts(config, digests or FileDigests(), answers):
            digest.update(part + b"\n")
    return digest.hexdigest()


def _parts(config: Config, digests: FileDigests, answers: Mapping[str, Answer]) -> Iterator[bytes]:
    yield config.tables.model_dump_json().encode()
    variable = config.privacy.pseudonym_key
    yield hashlib.sha256(f"{variable} {os.environ.get(variable or '', '')}".encode()).digest()
    yield config.time.model_dump_json(exclude={"last_fitting_period"}).encode()
    yield repr(config.action_set().names).encode()  # exposures to others are set aside
    if config.experiment is not None:
        yield repr(config.experiment.outcomes).encode()  # they are numbers; other columns are text
        if config.tables.outcomes is not None:  # what is summed by user
            yield config.experiment.model_dump_json(include={"covariates", "horizon", "ended_on"}).encode()
    for name in used_sources(config):
        settings = config.sources[name]
        yield f"source {name} {settings.model_dump_json(exclude={'file', 'package', 'database', 'query'})}".encode()
        if settings.database is not None:
            yield answers[name].digest.encode()
            continue
        for path in settings.paths(config.origin.folder):
            yield f"file {settings.format_by_name(path)} {path.suffix.lower() == '.gz'} {digests.digest(path)}".encode()
