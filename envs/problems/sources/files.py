"""Reading problem files: where outside data lies, gz or not, one JSON object a line, errors that name the line."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codegym.envs.errors import DataError

_GZIP = b"\x1f\x8b"
_CHECKOUT = Path(__file__).resolve().parents[3]


def data_folder() -> Path:
    """The folder of outside data: $CODEGYM_DATA if that is set, else ../shared/data beside the checkout."""
    folder = os.environ.get("CODEGYM_DATA")
    return Path(folder) if folder else _CHECKOUT.parent / "shared" / "data"


def outside_file(name: str) -> Path | None:
    """A file of the outside data, or None where it is not there."""
    path = data_folder() / name
    return path if path.is_file() else None


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked if it is gzip.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data.startswith(_GZIP) else data
    except FileNotFoundError:
        raise DataError(f"There is no file {str(path)!r}.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"Cannot read {str(path)!r}: {error}.") from None


def json_lines(path: Path, data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """The JSON objects of a file with one a line, each with its line number; blank lines are left out.

    Raises:
        DataError: naming the file and the line that is no JSON object.
    """
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise DataError(f"{path}, line {number}: not JSON ({error}).") from None
        if not isinstance(record, dict):
            raise DataError(f"{path}, line {number}: a JSON object is needed, not {type(record).__name__}.")
        yield number, record


def stem(path: Path) -> str:
    """The file's name without its folder and endings: what its problems' uris begin with."""
    return path.name.split(".")[0] or path.name
