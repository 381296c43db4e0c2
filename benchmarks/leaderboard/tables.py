"""What the commands print: tables and progress for people at a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from codegym.benchmarks.leaderboard.compare import Comparison
    from codegym.benchmarks.leaderboard.verify import Verification


MOST_DIFFERENCES = 100

_FORCED = {"FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}  # what may make rich draw where there is no terminal

QUIET_SECONDS = 10.0
"""Where there is no terminal, sampled tokens are told of at most this often."""


class Advance(Protocol):
    """Called with (done, total, passed)."""

    def __call__(self, done: int, total: int, passed: int) -> None:
        """Show that `done` of `total` episodes are finished, and that `passed` of them passed."""
        ...

    def tokens(self, new: int) -> None:
        """Show that a language model sampled so many tokens more."""
        ...


@contextmanager
def progress_bar(label: str, rate: str = "pass rate") -> Iterator[Advance]:
    """A bar with a rate and remaining time on standard error; one plain line a tenth where that is no terminal."""
    if not is_drawn(sys.stderr):  # rich takes a while to import
        yield _PlainProgress(label, rate)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _PlainProgress(label, rate)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(rate + " {task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        yield _BarProgress(bar, label)


class _BarProgress:
    """One line that is drawn again and again."""

    def __init__(self, bar: Any, label: str) -> None:
        self._bar, self._label, self._tokens = bar, label, 0
        self._task = bar.add_task(label, total=None, rate="  -  ")

    def __call__(self, done: int, total: int, passed: int) -> None:
        self._bar.update(self._task, completed=done, total=total, rate=f"{passed / done:.1%}" if done else "  -  ")

    def tokens(self, new: int) -> None:
        self._tokens += new
        self._bar.update(self._task, description=f"{self._label}  {self._tokens:,} tokens")


class _PlainProgress:
    """A line for each tenth; between two of them, now and then one for the tokens."""

    def __init__(self, label: str, rate: str) -> None:
        self._label, self._rate, self._printed, self._tokens = label, rate, -1, 0
        self._told = time.monotonic()

    def __call__(self, done: int, total: int, passed: int) -> None:
        tenth = 10 * done // max(total, 1)
        if tenth > self._printed and done:
            self._printed = tenth
            self._say(f"{done}/{total}, {self._rate} {passed / done:.1%}")

    def tokens(self, new: int) -> None:
        self._tokens += new
        if time.monotonic() - self._told >= QUIET_SECONDS:
            self._say(f"{self._tokens:,} tokens")

    def _say(self, text: str) -> None:
        self._told = time.monotonic()
        print(f"{self._label}: {text}", file=sys.stderr, flush=True)


def print_summary(title: str, summary: Mapping[str, Any]) -> None:
    """The end of a run: pass@k with intervals, verdicts, and what was left out."""
    scores = [
        (key + (" (base + extra tests)" if "base" in summary else ""), *_value_and_interval(estimate))
        for key, estimate in summary.items()
        if key.startswith("pass@")
    ]
    scores += [(f"{key} (base tests)", *_value_and_interval(value)) for key, value in summary.get("base", {}).items()]
    attempted = summary.get("attempted")
    if attempted:
        name = f"pass@1 of the {attempted['problems']} attempted"
        scores.append((name, *_value_and_interval(attempted["pass@1"])))
    counts = [("problems x samples", f"{summary['problems']} x {summary['samples']}", "")]
    if summary.get("mean_reward") is not None:
        counts.append(("mean reward", f"{summary['mean_reward']:.3f}", ""))
    if summary.get("tokens"):
        counts.append(("tokens", f"{summary['tokens']:,}", ""))
    if "seconds" in summary:
        counts.append(("seconds", f"{summary['seconds']:,.1f}", ""))
    total = max(sum(summary["verdicts"].values()), 1)
    verdicts = [(verdict, f"{count:,}", f"{count / total:.1%}") for verdict, count in summary["verdicts"].items()]
    print_table = _print_drawn if is_drawn(sys.stdout) else _print_plain
    print_table(title, ("", "value", "95 % interval"), [scores, counts, verdicts])
    for item in summary.get("flaky", ())[:MOST_DIFFERENCES]:
        print(f"flaky  {item['problem']} sample {item['sample']}: {', '.join(item['verdicts'])}")
    missing = summary.get("not_attempted", ())
    if missing:
        print(
            f"Not attempted: {len(missing)} of {summary['problems']} problems have no sample and count as not passed "
            f"({_some(missing)})."
        )
    for item in summary.get("broken", ())[:20]:
        print(f"Broken: {item['problem']}: {item['reason']}")


def is_drawn(stream: TextIO) -> bool:
    """Whether what goes there is drawn with lines and colours: where a terminal shows it, or is said to."""
    return stream.isatty() or bool(_FORCED & os.environ.keys())


def _print_drawn(title: str, header: Sequence[str], sections: Sequence[Sequence[Sequence[str]]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold")
    for number, name in enumerate(header):
        table.add_column(name, justify="right" if number else "left")
    for rows in sections:
        for row in rows:
            table.add_row(*row)
        table.add_section()
    Console(highlight=False).print(table)


def _print_plain(title: str, header: Sequence[str], sections: Sequence[Sequence[Sequence[str]]]) -> None:
    """For logs and other programs: nothing but the words, and none of them cut to a width."""
    every = [header, *(row for rows in sections for row in rows)]
    first, *others = (max(map(len, column)) for column in zip(*every, strict=True))
    print(title)
    for name, *cells in every:
        print("  ".join([name.ljust(first), *map(str.rjust, cells, others)]).rstrip())


def _value_and_interval(estimate: Mapping[str, float | None]) -> tuple[str, str]:
    if estimate.get("value") is None:
        return "-", ""
    from codegym.benchmarks.leaderboard.metrics import percent

    value, interval = percent(estimate).split(" [")
    return value, "[" + interval


def _some(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def print_comparisons(comparisons: Sequence[Comparison]) -> None:
    """One row a run compared with the baseline, and below it what a reader must know."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    first = comparisons[0]
    table = Table(
        title=f"pass@{first.k} against {first.first}, difference in points",
        title_justify="left",
        title_style="bold",
        caption_justify="left",
    )
    for name in ("run", "problems", "baseline", "this run", "points [95 %]", "win/tie/loss", "p"):
        table.add_column(name, justify="left" if name == "run" else "right")
    for c in comparisons:
        table.add_row(
            c.second,
            str(c.problems),
            f"{c.first_value.value:.1%}",
            f"{c.second_value.value:.1%}",
            f"{100 * c.difference.value:+.1f} [{100 * c.difference.low:+.1f}, {100 * c.difference.high:+.1f}]",
            f"{c.wins}/{c.ties}/{c.losses}",
            f"{c.p_value:.2g}",
        )
    console.print(table)
    for c in comparisons:
        console.print(f"{c.verdict[0].upper()}{c.verdict[1:]}.", markup=False)
        if c.only_first or c.only_second:
            console.print(
                f"Left out: {c.only_first} problems only {c.first} tried, {c.only_second} only {c.second}.",
                markup=False,
            )
        for note in c.notes:
            console.print(f"Note: {note}", markup=False)


def print_verification(name: str, result: Verification, passed: bool) -> None:
    """Every difference on a line of its own, then one sentence."""
    shown = result.differences[:MOST_DIFFERENCES]
    for difference in shown:
        print(difference)
    if len(shown) < len(result.differences):
        print(f"... and {len(result.differences) - len(shown)} more")
    differs = sum(d.kind == "differs" for d in result.differences)
    limited = len(result.differences) - differs
    again = f", {result.regenerated} sampled again" if result.regenerated else ""
    print(
        f"{name}: {'verified' if passed else 'NOT verified'}: {result.episodes} episodes replayed{again}, "
        f"{differs} differences, {limited} machine-limited."
    )
