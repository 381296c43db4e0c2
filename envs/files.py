"""Files written whole or not at all, and line files that a killed process leaves readable."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from codegym.envs.errors import DataError, OptionError


def write_atomically(path: str | os.PathLike[str], data: str | bytes) -> None:
    """Write a file whole or not at all: to a temporary neighbour first, then renamed over `path`.

    Args:
        path: the file; its folder is made where it does not exist.
        data: text (written as UTF-8) or bytes.

    Raises:
        OptionError: the folder cannot be made or written.
    """
    target = Path(path)
    content = data.encode("utf-8") if isinstance(data, str) else data
    temporary = target.with_name(f".{target.name[:100]}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        raise OptionError(f"Cannot write {target}: {error.strerror or error}.") from None
    finally:
        with contextlib.suppress(OSError):  # renamed (the usual case), or never made
            os.unlink(temporary)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write a JSON file for people and programs: indented, keys in the order given, whole or not at all."""
    write_atomically(path, json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def append_lines(path: str | os.PathLike[str], lines: Iterable[str]) -> None:
    """Append lines, each with its newline, in one write, and hand them to the disk.

    A process killed in the middle leaves at most one incomplete last line, which `drop_incomplete_line` removes.
    """
    content = "".join(line + "\n" for line in lines)
    if not content:
        return
    try:
        with open(path, "ab") as file:
            file.write(content.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OptionError(f"Cannot write {path}: {error.strerror or error}.") from None


def append_line(path: str | os.PathLike[str], line: str) -> None:
    """Append one line with its newline; see `append_lines`."""
    append_lines(path, (line,))


def drop_incomplete_line(path: str | os.PathLike[str]) -> bool:
    """Cut off what follows the last newline, as a killed `append_lines` leaves it; says whether there was any."""
    target = Path(path)
    if not target.exists():
        return False
    with open(target, "r+b") as file:
        position = size = file.seek(0, os.SEEK_END)
        while position:
            start = max(position - 65536, 0)
            file.seek(start)
            newline = file.read(position - start).rfind(b"\n")
            if newline >= 0:
                position = start + newline + 1
                break
            position = start
        file.truncate(position)
    return position < size


def require_writable_folder(path: str | os.PathLike[str], *, make: bool = True) -> Path:
    """Make a folder, or raise an OptionError before any work is done for nothing.

    Args:
        path: the folder.
        make: False only checks that it could be made and written, and leaves nothing behind.
    """
    folder = Path(path)
    place = folder
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        while not place.exists() and place != place.parent:
            place = place.parent
        with tempfile.TemporaryFile(dir=place):
            pass
    except (FileExistsError, NotADirectoryError):
        raise OptionError(f"Cannot write into {folder}: there is a file in its place or above it.") from None
    except OSError as error:
        raise OptionError(f"Cannot write into {folder}: {error.strerror or error}.") from None
    return folder


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file; a DataError names the file and the line."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: not JSON ({error.msg}).") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text.") from None
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from None
