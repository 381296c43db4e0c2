"""Checkpoints: one folder each, written under another name and renamed; the last two are kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from codegym.agents.learning.tensors import load_tensors, save_tensors
from codegym.envs.errors import OptionError
from codegym.envs.files import read_json, write_json

KEEP = 2
"""Checkpoints kept: the newest, and one before it should the disk have lied about the newest."""


@dataclass(frozen=True)
class Checkpoint:
    """A moment of training.

    Attributes:
        iteration: number of updates done.
        tensors: as `PPO.state` returns them.
        config: what must be equal for the run to go on (options, model, problem set).
        extra: other things to remember, JSON-able.
    """

    iteration: int
    tensors: Mapping[str, Tensor]
    config: Mapping[str, Any]
    extra: Mapping[str, Any]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint below `folder`, then remove all but the newest two."""
    target = folder / f"iteration-{checkpoint.iteration:06d}"
    temporary = folder / f".{target.name}.{os.getpid()}.part"
    shutil.rmtree(temporary, ignore_errors=True)
    save_tensors(temporary / "state.safetensors", checkpoint.tensors)
    write_json(
        temporary / "state.json",
        {"iteration": checkpoint.iteration, "config": dict(checkpoint.config), "extra": dict(checkpoint.extra)},
    )
    shutil.rmtree(target, ignore_errors=True)  # only ever a repetition of the same iteration
    os.replace(temporary, target)
    for old in _folders(folder)[:-KEEP]:
        shutil.rmtree(old)
    for stray in folder.glob(".iteration-*.part"):  # what a killed process left
        shutil.rmtree(stray, ignore_errors=True)
    return target


def load_checkpoint(folder: Path, config: Mapping[str, Any]) -> Checkpoint | None:
    """The newest checkpoint below `folder`, or None where there is none.

    Raises:
        OptionError: it belongs to another configuration; the message names the first difference.
        DataError: its files cannot be read.
    """
    found = _folders(folder)
    if not found:
        return None
    record = read_json(found[-1] / "state.json")
    require_same_config(folder, record["config"], config)
    return Checkpoint(record["iteration"], load_tensors(found[-1] / "state.safetensors"), config, record["extra"])


def require_same_config(folder: Path, was: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Make sure that what a folder holds belongs to the run that wants to go on there.

    Raises:
        OptionError: it does not; the message names the first difference.
    """
    for name in sorted({*was, *now}):
        if was.get(name) != now.get(name):
            raise OptionError(
                f"{folder} belongs to another configuration: {name} was {was.get(name)!r}, now {now.get(name)!r}. "
                "Give the same options, or another --out."
            )


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("iteration-*") if (path / "state.json").is_file())
