"""The run folder: `run.json` says what was asked, `episodes.jsonl` what happened, `summary.json` the result."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codegym.envs.episode import Episode
from codegym.envs.errors import DataError, OptionError
from codegym.envs.files import drop_incomplete_line, read_json, require_writable_folder, write_json

RUN = "run.json"
EPISODES = "episodes.jsonl"
SUMMARY = "summary.json"
PROGRESS = "progress.jsonl"
METRICS = "metrics.jsonl"


@dataclass(frozen=True)
class Run:
    """A run folder as read.

    Attributes:
        path: the folder.
        record: `run.json`; empty for a folder without one (some training runs).
        episodes: in the order of the file.
        summary: `summary.json`; empty while the run is unfinished.
    """

    path: Path
    record: Mapping[str, Any]
    episodes: Sequence[Episode] = field(repr=False)
    summary: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What tables call this run: its folder's name."""
        return self.path.resolve().name

    @property
    def settings(self) -> Mapping[str, Any]:
        """What decides the result: environment, problems, agent, seeds."""
        settings = self.record.get("settings", {})
        return settings if isinstance(settings, Mapping) else {}

    @property
    def agent(self) -> str:
        """The agent's name."""
        return str(self.settings.get("agent", "")) or next((e.agent for e in self.episodes if e.agent), "")

    @property
    def broken(self) -> dict[str, str]:
        """Problems whose reference fails, with the reason."""
        return {str(item["problem"]): str(item["reason"]) for item in self.summary.get("broken", ())}

    @property
    def counts_broken(self) -> bool:
        """Whether broken problems are part of the means: only for the agent that plays the reference."""
        return self.agent == "canonical"

    @property
    def counted(self) -> list[Episode]:
        """The episodes that the means are over."""
        return [e for e in self.episodes if self.counts_broken or e.problem not in self.broken]


def read_run(path: str | Path) -> Run:
    """Read a run folder.

    Raises:
        DataError: no such folder, no `run.json` or `episodes.jsonl` in it, or a line that is not an episode.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise DataError(f"No run folder {folder}.")
    if not (folder / RUN).is_file():
        raise DataError(f"{folder} is not a run folder: it has no {RUN}.")
    record = _dictionary(folder / RUN)
    summary = _dictionary(folder / SUMMARY) if (folder / SUMMARY).is_file() else {}
    if not (folder / EPISODES).is_file():
        raise DataError(f"{folder} is not a run folder: it has no {EPISODES}.")
    return Run(folder, record, list(read_episodes(folder / EPISODES)), summary)


def read_episodes(path: str | Path) -> Iterator[Episode]:
    """Episodes of a JSONL file; a DataError names the file and the line."""
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                yield Episode.from_json(line, where=f"{path}:{number}")
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text.") from None
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from None


def open_run(folder: str | Path, record: Mapping[str, Any]) -> Path:
    """Begin a run in a folder, or resume the one that is there.

    Args:
        folder: made where it does not exist.
        record: content for `run.json`. Its "settings" and "agent" must equal those of a run that is already there.

    Raises:
        OptionError: the folder cannot be written, holds another configuration (the difference is named), or holds
            files that are not a run.
    """
    place = require_writable_folder(folder)
    if not check_run(place, record):
        write_json(place / RUN, record)
    drop_incomplete_line(place / EPISODES)
    drop_incomplete_line(place / PROGRESS)
    return place


def check_run(folder: str | Path, record: Mapping[str, Any]) -> bool:
    """Whether a run is in the folder already; writes nothing.

    Raises:
        OptionError: as `open_run`, but for what only writing shows.
    """
    place = Path(folder)
    if (place / RUN).exists():
        different = differences(_identity(_dictionary(place / RUN)), _identity(record))
        if different:
            raise OptionError(
                f"{place} holds another run: {'; '.join(different[:4])}. Give the same options to resume it, "
                "or another --out folder."
            )
        return True
    if any((place / name).exists() for name in (EPISODES, SUMMARY)):
        raise OptionError(f"{place} holds {EPISODES} or {SUMMARY} but no {RUN}: give another --out folder.")
    return False


def keep_episodes(place: Path, keep: int) -> None:
    """Shorten `episodes.jsonl` to its first `keep` lines."""
    path = place / EPISODES
    if not path.exists():
        return
    with open(path, "r+b") as file:
        for _ in range(keep):
            if not file.readline():
                return
        file.truncate(file.tell())


def elapsed(place: Path) -> float:
    """Seconds of work that earlier processes spent on the batches they finished."""
    path = place / PROGRESS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return float(json.loads(lines[-1])["seconds"]) if lines else 0.0


def differences(stored: Any, given: Any, name: str = "") -> list[str]:
    """Where two JSON values differ, one line each: `env_kwargs.reward is 'ladder' there and 'binary' here`."""
    if isinstance(stored, Mapping) and isinstance(given, Mapping):
        keys = [*stored, *(key for key in given if key not in stored)]
        return [
            line
            for key in keys
            for line in differences(stored.get(key), given.get(key), f"{name}.{key}" if name else str(key))
        ]
    return [] if stored == given else [f"{name} is {_short(stored)} there and {_short(given)} here"]


def _identity(record: Mapping[str, Any]) -> Any:
    """What must be equal for a run to be resumed, as JSON gives it back."""
    identity = {**record.get("settings", {}), "identity": record.get("agent")}
    return json.loads(json.dumps(identity, default=str))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _dictionary(path: Path) -> dict[str, Any]:
    value = read_json(path)
    if not isinstance(value, dict):
        raise DataError(f"{path}: not a JSON object.")
    return value
