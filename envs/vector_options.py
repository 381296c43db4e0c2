"""What the options of a vector environment mean for each of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from codegym.envs.errors import OptionError, StateError, unknown


def autoreset_mode_of(mode: str | AutoresetMode) -> AutoresetMode:
    """The mode of its value ("NextStep") or name ("NEXT_STEP").

    Raises:
        OptionError: if there is no such mode.
    """
    if isinstance(mode, AutoresetMode):
        return mode
    known = {known.value: known for known in AutoresetMode}
    found = known.get(mode) or AutoresetMode.__members__.get(str(mode).upper())
    if found is None:
        raise unknown("autoreset_mode", mode, known)
    return found


def of_row(options: Mapping[str, Any], row: int, rows: int) -> dict[str, Any]:
    """The reset options of one row: a list holds one value per row.

    Raises:
        OptionError: for a list of another length.
    """
    own = {}
    for name, value in options.items():
        if isinstance(value, list) and len(value) != rows:
            raise OptionError(f"Reset option {name!r} has {len(value)} values for {rows} environments.")
        own[name] = value[row] if isinstance(value, list) else value
    return own


def row_seeds(seed: int | Sequence[int | None] | None, rows: int) -> Sequence[int | None]:
    """One seed per row: `seed + i` from a number, or the numbers given.

    Raises:
        OptionError: for a sequence of another length.
    """
    if seed is None:
        return [None] * rows
    if isinstance(seed, int | np.integer):
        return [int(seed) + row for row in range(rows)]
    if len(seed) != rows:
        raise OptionError(f"{rows} environments take one seed or as many, not {len(seed)}.")
    return [None if one is None else int(one) for one in seed]


def chosen_rows(mask: Any, begun: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The rows that a reset is for.

    Args:
        mask: a boolean array with at least one True, or None for all rows.
        begun: which rows were reset before.

    Raises:
        OptionError: if the mask is something else.
        StateError: if it leaves out a row that was never reset.
    """
    if mask is None:
        return np.arange(len(begun))
    if not isinstance(mask, np.ndarray) or mask.shape != begun.shape or mask.dtype != np.bool_:
        raise OptionError(f"reset_mask is a boolean array of shape ({len(begun)},), not {mask!r}.")
    if not mask.any():
        raise OptionError("reset_mask names no row; at least one must be True.")
    if not (mask | begun).all():
        raise StateError("The first reset is for all rows.")
    return np.flatnonzero(mask)


def asked_moves(actions: Any, rows: int, nothing: int | str) -> tuple[NDArray[np.bool_], Any]:
    """Which rows have an action (a list may hold None for one that stands still), and the actions without gaps."""
    if not isinstance(actions, list | tuple) or len(actions) != rows:
        return np.ones(rows, dtype=np.bool_), actions
    moves = np.array([action is not None for action in actions])
    return moves, [nothing if action is None else action for action in actions]
