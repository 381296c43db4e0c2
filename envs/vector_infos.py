"""The infos of some rows of a vector environment in Gymnasium's form: one array per key, and one that says whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def stacked(infos: Sequence[Mapping[str, Any]], rows: Sequence[int], total: int) -> dict[str, Any]:
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
    alike = all(info.keys() == infos[0].keys() for info in infos)
    for key in infos[0] if alike else dict.fromkeys(key for info in infos for key in info):
        has, at = (infos, rows) if alike else _with(key, infos, rows)
        values = [info[key] for info in has]
        nested = isinstance(values[0], Mapping) and key != "final_obs"
        vector[key] = stacked(values, at, total) if nested else _column(values, at, total, key == "final_obs")
        mask = np.zeros(total, dtype=np.bool_)
        mask[at] = True
        vector[f"_{key}"] = mask
    return vector


def _with(
    key: str, infos: Sequence[Mapping[str, Any]], rows: Sequence[int]
) -> tuple[list[Mapping[str, Any]], list[int]]:
    found = [(info, row) for info, row in zip(infos, rows, strict=True) if key in info]
    return [info for info, _ in found], [row for _, row in found]


def _column(values: Sequence[Any], rows: Sequence[int], total: int, objects: bool) -> NDArray[Any]:
    first = values[0]
    if not objects and (type(first) in (int, float, bool) or isinstance(first, np.number)):
        column = np.zeros(total, dtype=type(first))
        column[rows] = values
        return column
    if not objects and isinstance(first, np.ndarray):
        column = np.zeros((total, *first.shape), dtype=first.dtype)
        column[rows] = values
        return column
    column = np.full(total, None, dtype=object)
    for row, value in zip(rows, values, strict=True):
        column[row] = value
    return column
