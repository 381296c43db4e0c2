"""The one way to the records of a problem set: a file or folder, $CODEGYM_DATA, our cache, then the hub.

A set is looked for in this order, and the network is asked last:

1. the path after the colon (`apps:PATH`), as it is or under $CODEGYM_DATA;
2. the set's usual files under $CODEGYM_DATA, or ../shared/data beside the checkout;
3. `$CODEGYM_CACHE/problems`, where an earlier download was kept;
4. the Hugging Face hub, through the library `datasets` if that is installed; what comes is kept in the cache.

A file is jsonl, a JSON list, or parquet, each gz or not; a folder is all such files in it. Records are read when they
are asked for: a set of gigabytes costs its bytes, not its objects.
"""

from __future__ import annotations

import contextlib
import contextvars
import hashlib
import importlib
import importlib.util
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from codegym.envs.errors import DataError
from codegym.envs.problems.problem import Problem
from codegym.envs.problems.problem_set import NO_SPLIT, Source
from codegym.envs.problems.sources.files import data_folder, read_bytes, stem

SPLITS = {"train": "train", "validation": "validation", "valid": "validation", "test": "test"}
"""What others call their splits, and what we call them."""

_KINDS_OF_FILE = re.compile(r".+\.(jsonl|json|parquet)(\.gz)?")
_SAFE_DIGITS = 4300

_may_download = contextvars.ContextVar("may_download", default=True)


@contextlib.contextmanager
def offline() -> Iterator[None]:
    """Within it no set is downloaded: one that is not on this machine is a DataError."""
    token = _may_download.set(False)
    try:
        yield
    finally:
        _may_download.reset(token)


@dataclass(frozen=True)
class Hub:
    """A data set on the hub.

    Attributes:
        name: "owner/name".
        config: name of the configuration, or None.
        split: the one split to read, for a set that has no splits in our sense; None reads all.
        files: per split, files to read instead of a configuration; "@REVISION/..." for those of another branch. Sets
            that are a loading script, which `datasets` no longer runs, are read from the hub's parquet conversion.
    """

    name: str
    config: str | None = None
    split: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a set usually lies.

    Attributes:
        files: files or folders under the data folder, in the order in which they are tried.
        hub: on the hub, or None.
        licence: of its problems.
        note: one line about it.
    """

    files: tuple[str, ...] = ()
    hub: Hub | None = None
    licence: str = ""
    note: str = ""


class Rows(Protocol):
    """The records of one split."""

    def __len__(self) -> int:
        """How many."""
        ...

    def record(self, row: int) -> dict[str, Any]:
        """Read one."""
        ...

    def where(self, row: int) -> str:
        """File and line, for messages."""
        ...


@dataclass(frozen=True)
class _Lines:
    """Records of a file with one a line; each is parsed when it is asked for."""

    path: Path
    data: bytes = field(repr=False)
    spans: list[tuple[int, int, int]] = field(repr=False)  # start, end, line number

    def __len__(self) -> int:
        return len(self.spans)

    def where(self, row: int) -> str:
        return f"{self.path}, line {self.spans[row][2]}"

    def record(self, row: int) -> dict[str, Any]:
        start, end, _ = self.spans[row]
        return _object(self.data[start:end], self.where(row))


@dataclass(frozen=True)
class _Listed:
    """Records that are objects already: of a JSON list, of parquet, or of `datasets`."""

    name: str
    records: Sequence[Mapping[str, Any]] = field(repr=False)
    first: int = 1

    def __len__(self) -> int:
        return len(self.records)

    def where(self, row: int) -> str:
        return f"{self.name}, record {row + self.first}"

    def record(self, row: int) -> dict[str, Any]:
        return dict(self.records[row])


@dataclass(frozen=True)
class _Joined:
    """The rows of several files, one after the other."""

    parts: Sequence[Rows]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def _find(self, row: int) -> tuple[Rows, int]:
        for part in self.parts:
            if row < len(part):
                return part, row
            row -= len(part)
        raise IndexError(row)

    def where(self, row: int) -> str:
        part, at = self._find(row)
        return part.where(at)

    def record(self, row: int) -> dict[str, Any]:
        part, at = self._find(row)
        return part.record(at)


@dataclass(frozen=True)
class Table:
    """The records of a set.

    Attributes:
        splits: rows per split, one entry under "" for a set without splits.
        note: where they come from.
        digest: sha256 (hex) of their content.
        name: the file's or folder's name, or "" for the set's usual place.
    """

    splits: Mapping[str, Rows]
    note: str
    digest: Callable[[], str]
    name: str = ""


def read(kind: str, argument: str, place: Place, folder_reader: Callable[[Path], Table] | None = None) -> Table:
    """The records of a set.

    Args:
        kind: its name on the command line.
        argument: what stands after the colon, or "".
        place: where it usually lies.
        folder_reader: reads a folder that holds one problem a subfolder (APPS); asked where it holds no data file.

    Raises:
        DataError: it is nowhere, or cannot be read.
    """
    if argument:
        path = located(argument)
        return _from_path(path, folder_reader, stem(Path(os.path.abspath(path))))
    for name in place.files:
        path = data_folder() / name
        if path.exists():
            return _from_path(path, folder_reader, "")
    if place.hub is None:
        files = " or ".join(place.files)
        raise DataError(
            f"{kind} is not on this machine: set CODEGYM_DATA to a folder with {files}, or write {kind}:PATH."
        )
    return _from_hub(kind, place.hub, place.files)


def located(argument: str) -> Path:
    """The path that a text means: as it is, or under $CODEGYM_DATA where only there is something."""
    path = Path(argument)
    inside = data_folder() / path
    return inside if not path.exists() and inside.exists() else path


def source(
    kind: str,
    argument: str,
    table: Table,
    build: Callable[[str, dict[str, Any]], Problem],
    *,
    place: Place,
    needs: Sequence[str],
    ids: Sequence[str],
    name: str | None = None,
    identity: Callable[[str], str] = str,
    repeats: bool = False,
    check: Callable[[dict[str, Any], str], None] = lambda record, where: None,
) -> Source:
    """The Source over a table.

    Args:
        kind: the set's name on the command line.
        argument: what stood after the colon.
        table: its records.
        build: makes a problem of a uri and a record; a KeyError, TypeError, ValueError or AttributeError in it is a
            DataError that names the record.
        place: its licence and note.
        needs: fields that every record must have.
        ids: fields that may hold a record's id, first found wins; the row number where there is none.
        name: the part of the uris before the slash; default: the set's name, for whichever file it is read from.
        identity: from the id field's text to the part of the uri after the slash.
        repeats: records with an id that came before are left out, not an error.
        check: called with every record and its place; raises a DataError for one that cannot be a problem.

    Raises:
        DataError: naming the first record that lacks a field or whose id is taken.
    """
    name = name or kind
    places: dict[str, tuple[Rows, int]] = {}
    splits: dict[str, tuple[str, ...]] = {}
    for split, rows in table.splits.items():
        uris = []
        for row in range(len(rows)):
            record = rows.record(row)
            for needed in needs:
                if needed not in record:
                    raise DataError(f"{rows.where(row)}: the field {needed!r} is missing.")
            check(record, rows.where(row))
            found = next((record[field] for field in ids if record.get(field) not in (None, "")), len(places))
            uri = f"{name}/{identity(str(found))}"
            if uri in places and repeats:
                continue
            if uri in places:
                raise DataError(f"{rows.where(row)}: a second problem with the id {uri!r}.")
            places[uri] = (rows, row)
            uris.append(uri)
        splits[split] = tuple(uris)
    if not places:
        raise DataError(f"{table.note} holds no problem.")

    def made(uri: str) -> Problem:
        rows, row = places[uri]
        try:
            return build(uri, rows.record(row))
        except DataError:  # a ValueError that says enough already
            raise
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            what = f"the field {error} is missing" if type(error) is KeyError else str(error)
            raise DataError(f"{uri} ({rows.where(row)}): not a problem of the format of {kind!r} ({what}).") from None

    return Source(
        name=name,
        spec=f"{kind}:{argument}" if argument else kind,
        splits=splits,
        build=made,
        digest=table.digest,
        licence=place.licence,
        note=f"{place.note}; {table.note}" if place.note else table.note,
    )


def json_value(value: Any) -> Any:
    """A value, or the JSON that a text holds; integers of any length."""
    return json.loads(value, parse_int=_integer) if isinstance(value, (str, bytes)) else value


def _integer(digits: str) -> int:
    # int() refuses more than 4,300 digits of a text; tests of long-number problems have more.
    return int(digits) if len(digits) <= _SAFE_DIGITS else int(Decimal(digits))


# Files and folders


def _from_path(path: Path, folder_reader: Callable[[Path], Table] | None, name: str) -> Table:
    if not path.is_dir():
        rows, digest = _file(path)
        return Table({NO_SPLIT: rows}, str(path), digest, name)
    files = sorted(child for child in path.iterdir() if child.is_file() and _KINDS_OF_FILE.fullmatch(child.name))
    if not files and folder_reader is not None:
        return folder_reader(path)
    if not files:
        raise DataError(f"{path} holds no problem: it has no jsonl, json or parquet file.")
    parts: dict[str, list[Rows]] = {}
    digests = []
    for file in files:
        rows, digest = _file(file)
        parts.setdefault(_split_of(file.name), []).append(rows)
        digests.append(digest)
    if len(parts) > 1 and NO_SPLIT in parts:  # some files name a split and some do not: no split is meant
        parts = {NO_SPLIT: [rows for rows_of_split in parts.values() for rows in rows_of_split]}

    def joined() -> str:
        return hashlib.sha256("".join(digest() for digest in digests).encode()).hexdigest()

    splits = {
        split: rows_of_split[0] if len(rows_of_split) == 1 else _Joined(rows_of_split)
        for split, rows_of_split in parts.items()
    }
    return Table(splits, str(path), joined, name)


def _split_of(name: str) -> str:
    word = re.split(r"[-._]", name)[0]
    return SPLITS.get(word, NO_SPLIT)


def _file(path: Path) -> tuple[Rows, Callable[[], str]]:
    if path.name.endswith(".parquet"):
        return _parquet(path)
    data = read_bytes(path)

    def digest() -> str:
        return hashlib.sha256(data).hexdigest()

    if data.lstrip()[:1] != b"[":
        return _Lines(path, data, _spans(data)), digest
    try:
        records = json_value(data.decode())
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}).") from None
    if not all(isinstance(record, dict) for record in records):
        raise DataError(f"{path}: a list of JSON objects is needed.")
    return _Listed(str(path), records), digest


def _spans(data: bytes) -> list[tuple[int, int, int]]:
    spans, start, number = [], 0, 1
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        if data[start:end].strip():
            spans.append((start, end, number))
        start, number = end + 1, number + 1
    return spans


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        record = json_value(line.decode())
    except ValueError as error:
        raise DataError(f"{where}: not JSON ({error}).") from None
    if not isinstance(record, dict):
        raise DataError(f"{where}: a JSON object is needed, not {type(record).__name__}.")
    return record


def _parquet(path: Path) -> tuple[Rows, Callable[[], str]]:
    if importlib.util.find_spec("pyarrow") is None:
        raise DataError(f"{path} is a parquet file: `pip install 'codegym[hub]'` brings the library that reads it.")
    parquet: Any = importlib.import_module("pyarrow.parquet")
    try:
        records = parquet.read_table(path).to_pylist()
    except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
        raise DataError(f"Cannot read {str(path)!r}: {str(error).splitlines()[0]}.") from None
    return _Listed(str(path), records), lambda: hashlib.sha256(path.read_bytes()).hexdigest()


# The hub


def cache_folder() -> Path:
    """Where downloaded sets are kept: $CODEGYM_CACHE/problems, by default under ~/.cache/codegym."""
    root = os.environ.get("CODEGYM_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "codegym") / "problems"


def _from_hub(kind: str, hub: Hub, files: Sequence[str]) -> Table:
    parts = (hub.name, hub.config, hub.split)
    kept = cache_folder() / re.sub(r"[^A-Za-z0-9.]+", "-", "-".join(part for part in parts if part))
    ways = f"set CODEGYM_DATA to a folder with {' or '.join(files)}, or write {kind}:PATH"
    if importlib.util.find_spec("datasets") is None:
        raise DataError(
            f"{kind} is not on this machine: {ways}, or `pip install 'codegym[hub]'` to read it from the hub."
        )
    if not kept.is_dir():
        if not _may_download.get():
            raise DataError(f"{kind} is not on this machine: {ways}, or load it once to read it from the hub.")
        _download(kind, hub, kept)
    library: Any = importlib.import_module("datasets")
    try:
        loaded = library.load_from_disk(str(kept))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{kind}: the copy in {kept} cannot be read; delete it ({str(error).splitlines()[0]})."
        ) from None
    splits: dict[str, list[Rows]] = {}
    for split, rows in loaded.items():
        splits.setdefault(SPLITS.get(split, NO_SPLIT), []).append(_Listed(f"{hub.name}[{split}]", rows, first=0))
    joined: dict[str, Rows] = {split: rows[0] if len(rows) == 1 else _Joined(rows) for split, rows in splits.items()}
    if len(joined) == 1:  # whatever the hub calls it, a set with one split has none
        joined = {NO_SPLIT: next(iter(joined.values()))}

    def digest() -> str:
        content = hashlib.sha256()
        for split, rows in joined.items():
            content.update(split.encode())
            for row in range(len(rows)):
                content.update(json.dumps(rows.record(row), sort_keys=True, default=str).encode())
        return content.hexdigest()

    return Table(joined, f"hub {hub.name}", digest)


def _download(kind: str, hub: Hub, kept: Path) -> None:
    """Fetch a set through `datasets` and keep it, whole or not at all."""
    library: Any = importlib.import_module("datasets")
    try:
        if hub.files:
            files = {split: f"hf://datasets/{hub.name}{_path_of(file)}" for split, file in hub.files.items()}
            packed = all(file.endswith(".parquet") for file in files.values())
            loaded = library.load_dataset("parquet" if packed else "json", data_files=files)
        else:
            loaded = library.load_dataset(hub.name, hub.config)
        if hub.split is not None:
            loaded = library.DatasetDict({hub.split: loaded[hub.split]})
    except Exception as error:  # the library raises errors of many kinds when the hub cannot be reached
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{kind} cannot be read from the hub: {reason}") from error
    part = kept.with_name(f".{kept.name}.{os.getpid()}.part")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        loaded.save_to_disk(str(part))
        if not kept.is_dir():
            os.replace(part, kept)
    except OSError as error:
        raise DataError(f"{kind} cannot be kept in {kept}: {error.strerror or error}.") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _path_of(file: str) -> str:
    return file if file.startswith("@") else f"/{file}"
