"""Canonical tables on disk: a Parquet file each, read as a frame only where a frame is asked for."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from simulations.tables import CANONICAL_TABLES

_BATCH_ROWS = 1 << 17


class OwnFolder:
    """A temporary folder that lives as long as this object, or whoever holds it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="decision-engine-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class StoredTables(Mapping[str, pd.DataFrame]):
    """Tables of one folder by name; a frame is read when it is first asked for, and then kept.

    Parameters
    ----------
    folder : Path
        Holds a file `NAME.parquet` for each table.
    owner : object, optional
        What the folder lives as long as, such as a temporary directory.
    """

    def __init__(self, folder: Path, owner: object = None) -> None:
        self.folder = folder
        self._owner = owner
        self._names = tuple(name for name in CANONICAL_TABLES if self.path(name).is_file())
        self._frames: dict[str, pd.DataFrame] = {}

    def path(self, name: str) -> Path:
        """Return the file of a table."""
        return self.folder / f"{name}.parquet"

    def columns(self, name: str) -> tuple[str, ...]:
        """Return a table's columns without reading its rows."""
        return tuple(pq.read_schema(self.path(name)).names)

    def n_rows(self, name: str) -> int:
        """Return how many rows a table has without reading them."""
        return int(pq.read_metadata(self.path(name)).num_rows)

    def first_rows(self, name: str, columns: Sequence[str], n: int) -> pd.DataFrame:
        """Return some columns of a table's first rows, at most `n`."""
        with pq.ParquetFile(self.path(name)) as file:
            batches = file.iter_batches(batch_size=n, columns=list(columns))
            first = next(batches, None)
            schema = pa.schema([file.schema_arrow.field(column) for column in columns])
        return to_frame(pa.Table.from_batches([] if first is None else [first], schema)[:n])

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._frames:
            self._frames[name] = to_frame(pq.read_table(self.path(name)))
        return self._frames[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Turn Arrow into pandas: texts as `str`, flags as `boolean`, times in microseconds."""
    frame: pd.DataFrame = table.to_pandas()
    flags = [name for name in table.column_names if pa.types.is_boolean(table.schema.field(name).type)]
    for name in flags:
        frame[name] = frame[name].astype("boolean")
    return frame


def digest_files(tables: StoredTables) -> str:
    """Return the SHA-256 of tables' names, columns and rows, in order; how the rows lie on disk does not matter."""
    digest = hashlib.sha256()
    for name in sorted(tables):
        digest.update(f"table {name} {tables.n_rows(name)}\n".encode())
        for column, content in zip(tables.columns(name), _digest_columns(tables.path(name)), strict=True):
            digest.update(f"column {column} {content}\n".encode())
    return digest.hexdigest()


def _digest_columns(path: Path) -> list[str]:
    """Return the digest of each column's rows: which are empty, lengths and bytes of texts, numbers with 0 for empty."""
    with pq.ParquetFile(path) as file:
        hashes = [[hashlib.sha256() for _ in range(3)] for _ in file.schema_arrow]
        for batch in file.iter_batches(_BATCH_ROWS):
            for column, parts in zip(batch.columns, hashes, strict=True):
                for content, part in zip(_contents(column), parts, strict=False):
                    part.update(content)
    return ["".join(part.hexdigest() for part in parts) for parts in hashes]


def _contents(column: pa.Array) -> Iterator[memoryview | bytes]:
    yield pa.compute.is_null(column).to_numpy(zero_copy_only=False).tobytes()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        texts = column.cast(pa.large_binary()).fill_null(b"")
        yield pa.compute.binary_length(texts).to_numpy(zero_copy_only=False).astype("<i8").tobytes()
        start, stop = (texts.buffers()[1][8 * i : 8 * i + 8] for i in (texts.offset, texts.offset + len(texts)))
        data = texts.buffers()[2]
        yield (b"" if data is None else memoryview(data)[int.from_bytes(start, "little") : int.from_bytes(stop, "little")])
        return
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    elif pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    yield column.fill_null(0).to_numpy(zero_copy_only=False).tobytes()
