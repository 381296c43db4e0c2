"""The infos of some rows of a vector environment in Gymnasium's form: one array per key, and one that says whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
