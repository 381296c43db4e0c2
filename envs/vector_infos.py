"""The infos of rows of a vector environment in Gymnasium's form: one array per key, and one that says whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegym.envs.observations import Tracker
from codegym.envs.syntax_mask import Masks


class StepInfos:
    """What `info` says of each row at every step.

    Args:
        rows: number of rows.
        tracker: of the observations, where `info` tells how much of them fell out of the window.
        masks: of the actions, where `info` holds them.

    Attributes:
        uris: [rows] of the problems, written to by the environment.
        starts: [rows] where the episodes began, likewise.
    """

    def __init__(self, rows: int, tracker: Tracker | None, masks: Masks | None) -> None:
        self.uris = np.full(rows, None, dtype=object)
        self.starts = np.full(rows, None, dtype=object)
        self._tracker = tracker
        self._masks = masks

    def of_all(self) -> dict[str, Any]:
        """Of every row; fresh arrays."""
        infos: dict[str, Any] = {"problem": self.uris.copy(), "start": self.starts.copy()}
        if self._tracker is not None:
            infos["prompt_tokens_cut"] = self._tracker.tokens_cut
        if self._masks is not None:
            infos["action_mask"] = self._masks.all().view(np.int8)
        for key in tuple(infos):
            infos[f"_{key}"] = np.ones(len(self.uris), dtype=np.bool_)
        return infos

    def of_some(self, rows: NDArray[np.intp]) -> dict[str, Any]:
        """Of some rows; fresh arrays over all."""
        return stacked([self.of_row(row) for row in rows.tolist()], rows, len(self.uris))

    def of_row(self, row: int) -> dict[str, Any]:
        """Of one row, as a single environment says it."""
        info: dict[str, Any] = {"problem": self.uris[row], "start": self.starts[row]}
        if self._tracker is not None:
            info["prompt_tokens_cut"] = int(self._tracker.tokens_cut[row])
        if self._masks is not None:
            info["action_mask"] = self._masks.of(row).astype(np.int8)
        return info


def stacked(infos: Sequence[Mapping[str, Any]], rows: NDArray[np.intp], total: int) -> dict[str, Any]:
    """What gymnasium's `VectorEnv._add_info` makes of infos of single environments, key by key instead of row by row.

    Args:
        infos: of some rows. A key has values of one type.
        rows: which rows these are.
        total: number of rows.

    Returns:
        For each key an array over all rows (of bool, int or float where the values are, else of objects), a dict of
        arrays where the values are dicts, and `_key`, which rows have it.
    """
    if not infos:
        return {}
    vector: dict[str, Any] = {}
    names = infos[0].keys()
    if all(info.keys() == names for info in infos):
        return columns({key: [info[key] for info in infos] for key in names}, rows, total)
    for key in dict.fromkeys(key for info in infos for key in info):
        has = [key in info for info in infos]
        vector |= columns({key: [info[key] for info in infos if key in info]}, rows[has], total)
    return vector


def columns(values: Mapping[str, Any], rows: NDArray[np.intp], total: int) -> dict[str, Any]:
    """As `stacked`, of infos that are there key by key.

    Args:
        values: of each key one for each of `rows`; or, where these would be dicts of equal keys, a dict of such.
        rows: which rows these are.
        total: number of rows.
    """
    vector: dict[str, Any] = {}
    mask = np.zeros(total, dtype=np.bool_)
    mask[rows] = True
    for key, column in values.items():
        if isinstance(column, dict):
            vector[key], vector[f"_{key}"] = columns(column, rows, total), mask.copy()
            continue
        nested = isinstance(column[0], Mapping) and key != "final_obs"
        vector[key] = stacked(column, rows, total) if nested else _column(column, rows, total, key == "final_obs")
        vector[f"_{key}"] = mask.copy()
    return vector


def _column(values: Sequence[Any], rows: NDArray[np.intp], total: int, objects: bool) -> NDArray[Any]:
    first = values[0]
    if not objects and (type(first) in (int, float, bool) or isinstance(first, np.number)):
        column = np.zeros(total, dtype=type(first))
        column[rows] = values
        return column
    if not objects and isinstance(first, np.ndarray):
        column = np.zeros((total, *first.shape), dtype=first.dtype)
        column[rows] = values
        return column
    column = np.empty(total, dtype=object)  # of None
    column[rows] = np.fromiter(values, dtype=object, count=len(values))
    return column
