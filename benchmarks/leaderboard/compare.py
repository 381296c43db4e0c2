"""Who is better, by how much, and is it noise: a paired comparison of runs over the problems they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

from codegym.agents.statistics import Estimate, bootstrap, paired_bootstrap
from codegym.benchmarks.leaderboard.metrics import pass_rates
from codegym.benchmarks.leaderboard.run_folder import Run
from codegym.envs.errors import DataError, unknown


@dataclass(frozen=True)
class Comparison:
    """Two runs on the problems that both tried.

    Attributes:
        first: name of the baseline run.
        second: name of the run compared with it.
        k: which pass@k.
        problems: how many problems both tried.
        only_first: how many problems only the first tried; they are left out.
        only_second: how many problems only the second tried; they are left out.
        first_value: pass@k of the first on the common problems.
        second_value: pass@k of the second on the common problems.
        difference: second - first with its paired bootstrap interval.
        wins: problems on which the second is better.
        losses: problems on which the first is better.
        ties: problems on which they are equal.
        p_value: two-sided exact sign test over wins and losses.
        notes: what a reader must know before believing the numbers.
    """

    first: str
    second: str
    k: int
    problems: int
    only_first: int
    only_second: int
    first_value: Estimate
    second_value: Estimate
    difference: Estimate
    wins: int
    losses: int
    ties: int
    p_value: float
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """One sentence: whether the interval of the difference leaves out zero."""
        if self.difference.low > 0:
            return f"{self.second} is better than {self.first}"
        if self.difference.high < 0:
            return f"{self.second} is worse than {self.first}"
        return "no difference that this many problems can show"

    def to_json(self) -> dict[str, Any]:
        """The comparison as a JSON-ready dictionary."""
        return {
            "first": self.first,
            "second": self.second,
            "k": self.k,
            "problems": self.problems,
            "only_first": self.only_first,
            "only_second": self.only_second,
            f"pass@{self.k}": {"first": self.first_value.to_json(), "second": self.second_value.to_json()},
            "difference": self.difference.to_json(),
            "wins": self.wins,
            "losses": self.losses,
            "ties": self.ties,
            "p_value": self.p_value,
            "verdict": self.verdict,
            "notes": list(self.notes),
        }


def compare_runs(runs: Sequence[Run], *, k: int = 1, part: str | None = None) -> list[Comparison]:
    """Compare each run after the first with the first; a DataError if a pair shares no problem with k samples.

    Args:
        runs: two or more; the first is the baseline.
        k: compare pass@k.
        part: count a sample as passed where it passes this part of the tests ("base"); None for all tests.

    Raises:
        OptionError: a run whose tests have no such part.
    """
    for run in runs if part is not None else ():
        parts = sorted({name for episode in run.episodes for name in episode.parts})
        if part not in parts:
            raise unknown(f"part of the tests of {run.path}:", str(part), parts or ("(they have none)",))
    names = distinct_names(runs)
    return [_compare(runs[0], run, names[0], name, k, part) for run, name in zip(runs[1:], names[1:], strict=True)]


def distinct_names(runs: Sequence[Run]) -> list[str]:
    """The folders' names, or their whole paths where two names are the same."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.path) for run in runs]


def _compare(first: Run, second: Run, first_name: str, second_name: str, k: int, part: str | None) -> Comparison:
    one, two = pass_rates(first.counted, k, part), pass_rates(second.counted, k, part)
    common = [uri for uri in one if uri in two]
    if not common:
        raise DataError(f"{first.path} and {second.path} share no problem with at least {k} samples in both.")
    a, b = [one[uri] for uri in common], [two[uri] for uri in common]
    wins = sum(y > x for x, y in zip(a, b, strict=True))
    losses = sum(y < x for x, y in zip(a, b, strict=True))
    return Comparison(
        first=first_name,
        second=second_name,
        k=k,
        problems=len(common),
        only_first=len(one) - len(common),
        only_second=len(two) - len(common),
        first_value=bootstrap(a),
        second_value=bootstrap(b),
        difference=paired_bootstrap(a, b),
        wins=wins,
        losses=losses,
        ties=len(common) - wins - losses,
        p_value=sign_test(wins, losses),
        notes=tuple(_notes(first, second)),
    )


def sign_test(wins: int, losses: int) -> float:
    """The two-sided exact sign test: how likely is a split at least as uneven, were both equally good."""
    trials = wins + losses
    tail = sum(comb(trials, i) for i in range(min(wins, losses) + 1))
    return float(min(1.0, tail / 2 ** (trials - 1))) if trials else 1.0


def _notes(first: Run, second: Run) -> list[str]:
    notes = []
    one, two = first.settings, second.settings
    if _set_hash(first) != _set_hash(second):
        names = [run.settings.get("problems", {}).get("spec", "?") for run in (first, second)]
        notes.append(f"The problem sets differ ({names[0]}, {names[1]}): equal uris may be other problems.")
    for key, label in {"tests": "tests", "env_id": "environments"}.items():
        if one.get(key) != two.get(key):
            notes.append(f"The {label} differ: {one.get(key)} and {two.get(key)}.")
    notes.extend(f"{run.path} is unfinished: it has no summary yet." for run in (first, second) if not run.summary)
    return notes


def _set_hash(run: Run) -> Any:
    return run.settings.get("problems", {}).get("sha256")
