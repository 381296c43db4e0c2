"""What a run's episodes add up to: pass@k with intervals, verdict counts, means."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from codegym.agents.statistics import bootstrap_all, pass_at_k
from codegym.envs.episode import Episode

PASS = "PASS"
NOT_A_NUMBER: dict[str, float | None] = {"value": None, "low": None, "high": None}
"""What pass@k is over no problems: unknown, not zero."""


def reported_k(samples: int) -> list[int]:
    """The k for which pass@k is reported: 1, 2, 5, 10, 20, 50, ... below `samples`, and `samples` itself."""
    steps = [digit * 10**power for power in range(len(str(samples))) for digit in (1, 2, 5)]
    return [*(k for k in steps if k < samples), *([samples] if samples else [])]


def counts_by_problem(episodes: Sequence[Episode], part: str | None = None) -> dict[str, tuple[int, int]]:
    """(samples, passed) of each problem, in order of first appearance; of one named part of the tests, or of all."""
    samples: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    for episode in episodes:
        samples[episode.problem] += 1
        passed[episode.problem] += (episode.verdict if part is None else episode.parts.get(part)) == PASS
    return {uri: (samples[uri], passed[uri]) for uri in samples}


def pass_rates(episodes: Sequence[Episode], k: int = 1, part: str | None = None) -> dict[str, float]:
    """The unbiased pass@k of each problem that has at least k samples, on all tests or on a named part of them."""
    return {uri: pass_at_k(n, c, k) for uri, (n, c) in counts_by_problem(episodes, part).items() if n >= k}


def summarise(
    episodes: Sequence[Episode],
    *,
    broken: Mapping[str, str] | None = None,
    count_broken: bool = False,
    not_attempted: Sequence[str] = (),
) -> dict[str, Any]:
    """The content of `summary.json`, but for `seconds`.

    Args:
        episodes: all episodes of a run.
        broken: problems whose own reference fails, with the reason. They are listed, and left out of every mean.
        count_broken: count them as well, which is right for the agent that plays the reference (it did not pass).
        not_attempted: problems without a sample. They count as not passed: a row over part of a set is not
            comparable with a row over the whole; `attempted` holds the mean over the rest.
    """
    broken = dict(broken or {})
    counted = [e for e in episodes if count_broken or e.problem not in broken]
    counts = counts_by_problem(counted)
    missing = [uri for uri in not_attempted if count_broken or uri not in broken]
    samples = min((n for n, _ in counts.values()), default=0)
    summary: dict[str, Any] = {}
    absent = [(max(samples, 1), 0)] * len(missing)
    summary |= _pass_at_ks([*counts.values(), *absent], samples)
    if any("base" in episode.parts for episode in counted):  # EvalPlus' two columns: base alone, base and plus together
        base = counts_by_problem(counted, "base")
        summary["base"] = _pass_at_ks([*base.values(), *absent], samples)
    summary["problems"] = len(counts) + len(missing)
    summary["samples"] = samples
    if missing:
        summary["attempted"] = {"problems": len(counts), **_pass_at_ks([*counts.values()], 1)}
        summary["not_attempted"] = missing
    verdicts = Counter(e.verdict for e in counted)
    summary["episodes"] = len(counted)
    summary["verdicts"] = dict(sorted(verdicts.items(), key=lambda item: (item[0] != PASS, -item[1], item[0])))
    summary["mean_reward"] = _mean([e.reward for e in counted])
    summary["mean_tests_passed"] = _mean([e.tests_passed / e.tests_total if e.tests_total else 0.0 for e in counted])
    summary["truncated"] = sum(e.truncated for e in counted)
    summary["tokens"] = sum(e.tokens for e in counted)
    summary["broken"] = [{"problem": uri, "reason": reason} for uri, reason in broken.items()]
    return summary


def _pass_at_ks(counts: Sequence[tuple[int, int]], samples: int) -> dict[str, Any]:
    """Each reported pass@k by its name, from (samples, passed) of problems with at least so many samples."""
    ks = reported_k(samples) or [1]
    if not counts:
        return {f"pass@{k}": dict(NOT_A_NUMBER) for k in ks}
    estimates = bootstrap_all([[pass_at_k(n, c, k) for n, c in counts] for k in ks])
    return {f"pass@{k}": dict(estimate.to_json()) for k, estimate in zip(ks, estimates, strict=True)}


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def percent(estimate: Mapping[str, float | None] | None) -> str:
    """An interval for people: `45.1 % [41.0, 49.2]`."""
    if not estimate or estimate.get("value") is None:
        return "-"
    value, low, high = (100 * float(estimate[key] or 0.0) for key in ("value", "low", "high"))
    return f"{value:.1f} % [{low:.1f}, {high:.1f}]"
