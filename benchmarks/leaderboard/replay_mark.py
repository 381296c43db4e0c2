"""`verified.json`: that a run was replayed without a difference, and of which bytes that is true."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from codegym.benchmarks.leaderboard.run_folder import EPISODES, RUN, SUMMARY
from codegym.envs.files import read_json, write_json

VERIFIED = "verified.json"
Mark = Literal["replayed", "regenerated"]


def write_mark(folder: Path, mark: Mark) -> None:
    """Record that the folder as it is now was replayed (and some of it sampled again) without a difference."""
    write_json(folder / VERIFIED, {"mark": mark, "sha256": _sha256(folder)})


def replay_mark(folder: Path) -> str:
    """The mark of a folder whose files are still those that were verified, else ""."""
    if not (folder / VERIFIED).is_file():
        return ""
    record = read_json(folder / VERIFIED)
    valid = isinstance(record, dict) and record.get("sha256") == _sha256(folder)
    return {"replayed": "replayed", "regenerated": "regenerated"}.get(record.get("mark"), "") if valid else ""


def _sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in (RUN, EPISODES, SUMMARY):
        content = (folder / name).read_bytes()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()
