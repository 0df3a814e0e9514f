"""Copies: files that hold the same bytes. Of those of one pattern only the first is read; between sources they are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from decision_engine.config.models import Config
from decision_engine.history.file_digests import FileDigests
from simulations.errors import HistoryError


def copies_among(paths: Sequence[Path]) -> dict[Path, Path]:
    """Return the files that are copies of an earlier one, and which; only files of one size are read for it.

    Raises
    ------
    HistoryError
        If a file cannot be read.
    """
    try:
        sizes = {path: path.stat().st_size for path in paths if path.is_file()}
    except OSError as error:
        raise HistoryError(f"{error.filename} cannot be read: {error.strerror}.") from None
    n_alike, digests = Counter(sizes.values()), FileDigests()
    first: dict[str, Path] = {}
    copies: dict[Path, Path] = {}
    for path, size in sizes.items():
        if size and n_alike[size] > 1 and (original := first.setdefault(digests.digest(path), path)) is not path:
            copies[path] = original
    return copies


def copies_between_sources(config: Config) -> Iterator[str]:
    """Yield a note for each file that two sources read alike into one table: the file itself, or a copy of it.

    Raises
    ------
    HistoryError
        If a file cannot be read.
    """
    for table, mappings in config.tables.mapped().items():
        alike: dict[str, list[str]] = {}
        for mapping in mappings:
            if config.sources[mapping.source].file is not None:
                alike.setdefault(mapping.model_dump_json(exclude={"source"}), []).append(mapping.source)
        for names in alike.values():
            yield from _copies_between(config, table, list(dict.fromkeys(names)))


def _copies_between(config: Config, table: str, names: Sequence[str]) -> Iterator[str]:
    """Yield the notes of sources that are read alike; of one workbook or archive only those of the same part are."""
    by_part: dict[tuple[str | None, str | None], list[str]] = {}
    for name in names:
        settings = config.sources[name]
        by_part.setdefault((settings.sheet, settings.member), []).append(name)
    for sources in by_part.values():
        source_of: dict[Path, str] = {}
        for name in sources if len(sources) > 1 else []:
            for path in config.sources[name].paths(config.origin.folder):
                first = source_of.setdefault(path, name)
                if first != name:
                    both = f"by source {first} and by source {name}"
                    yield f"{path.name} is read as {table} twice, {both}: leave one of them out."
        for path, original in copies_among(list(source_of)).items():
            if source_of[path] != source_of[original]:
                yield (
                    f"{path.name} (source {source_of[path]}) is a copy of {original.name} (source {source_of[original]}), and "
                    f"both are read as {table}: leave one of the two out."
                )
