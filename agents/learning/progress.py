"""What training shows while it runs: one line, with the split of the time and what is left; plus TensorBoard."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PHASES = ("rollout", "execution", "scoring", "update")
"""Sampling and environment; running programs; values and reference; gradient steps."""


class Progress:
    """One live line on a terminal, one printed line per iteration elsewhere.

    Args:
        total: number of iterations.
        done: iterations that an earlier process did.
        silent: show nothing, as all but the first of several processes do.
    """

    def __init__(self, total: int, done: int = 0, *, silent: bool = False) -> None:
        self.total = total
        self._silent = silent
        self._seconds = dict.fromkeys(PHASES, 0.0)
        self._first = done
        self._status: Any = None
        if sys.stderr.isatty() and not silent:
            from rich.console import Console

            self._status = Console(stderr=True).status("training", spinner="line")
            self._status.start()

    def message(self, text: str) -> None:
        """Print a line that stays."""
        if self._status is not None:
            self._status.console.print(text, highlight=False, markup=False)
        elif not self._silent:
            print(text, file=sys.stderr, flush=True)

    def phase(self, text: str) -> None:
        """Say what is being done, for as long as it lasts."""
        if self._status is not None:
            self._status.update(text)
        elif not self._silent:
            print(text, file=sys.stderr, flush=True)

    def iteration(self, record: Mapping[str, Any]) -> None:
        """Show the metrics of an iteration."""
        for phase in PHASES:
            self._seconds[phase] += record["seconds"][phase]
        done = int(record["iteration"])
        spent = sum(self._seconds.values())
        left = spent / max(1, done - self._first) * (self.total - done)
        split = "  ".join(f"{phase} {self._seconds[phase] / max(spent, 1e-9):.0%}" for phase in PHASES)
        kl = f"kl {record['kl']:.3f}  " if math.isfinite(record.get("kl", math.nan)) else ""
        text = (
            f"iteration {done}/{self.total}  reward {record['reward']:+.2f}  pass {record['pass_rate']:.0%}  "
            f"{kl}|  {split}  |  {spent:.0f} s, {left:.0f} s left"
        )
        self.phase(text)

    def close(self) -> None:
        """Take the live line away."""
        if self._status is not None:
            self._status.stop()


class TensorBoard:
    """Writes numbers for TensorBoard where it is installed, and nothing where it is not."""

    def __init__(self, folder: Path) -> None:
        self._writer: Any = None
        if importlib.util.find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder))

    def add(self, record: Mapping[str, Any], step: int) -> None:
        """Write each number of a record; names inside a dictionary are joined by a slash."""
        if self._writer is None:
            return
        for name, value in record.items():
            for key, number in value.items() if isinstance(value, Mapping) else [("", value)]:
                self._writer.add_scalar(f"{name}/{key}" if key else name, number, step)

    def close(self) -> None:
        """Hand everything to the disk."""
        if self._writer is not None:
            self._writer.close()
