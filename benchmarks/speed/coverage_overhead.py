"""What recording coverage costs: compile, load and call HumanEval's canonical solutions with each tracer, in turn.

Processor time of that alone, in one process of the given interpreter, without fork, jail and judge, which cost the same
with and without coverage. The file runs itself in that interpreter, with the tracer's source and nothing else of ours.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

TRACERS = ("none", "fast", "probes", "coverage")
"""In the order of a round; "coverage" (coverage.py) only where that interpreter has it."""


def measure(python: str, rounds: int) -> dict[str, Any]:
    """Measure one interpreter.

    Returns:
        "python" (its version), "milliseconds" of a program for each tracer (median of rounds), and "overhead": each
        tracer's time over that of none, within a round (median).
    """
    from codegym.envs.execution import coverage
    from codegym.envs.problems.catalog import load_problems

    programs = [
        (problem.references[0], problem.hidden_tests[0].source, problem.entry_point)  # type: ignore[union-attr]
        for problem in load_problems("humaneval")
    ]
    told = json.dumps({"recorder": coverage.__file__, "programs": programs, "rounds": rounds})
    command = [python, "-B", __file__]
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    seconds: dict[str, Sequence[float]] = found["seconds"]
    return {
        "python": found["python"],
        "milliseconds": {name: round(statistics.median(one) / len(programs) * 1e3, 3) for name, one in seconds.items()},
        "overhead": {
            name: round(statistics.median(a / b for a, b in zip(one, seconds["none"], strict=True)), 3)
            for name, one in seconds.items()
        },
    }


def _main() -> None:
    setting = json.load(sys.stdin)
    spec = importlib.util.spec_from_file_location("recorder", setting["recorder"])
    assert spec is not None and spec.loader is not None
    recorder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recorder)
    tracers = [name for name in TRACERS if name != "coverage" or importlib.util.find_spec("coverage")]
    programs = [(source, *_calls(source, test, entry)) for source, test, entry in setting["programs"]]
    seconds: dict[str, list[float]] = {name: [] for name in tracers}
    for number in range(setting["rounds"] + 1):  # the first one warms up
        for tracer in tracers:
            used = sum(_timed(recorder, tracer, *program) for program in programs)
            if number:
                seconds[tracer].append(used)
    print(json.dumps({"python": sys.version.split()[0], "seconds": seconds}))


def _calls(source: str, test: str, entry: str) -> tuple[str, list[Any]]:
    names: dict[str, Any] = {}
    exec(f"{source}\n{test}", names)
    asked: list[Any] = []

    def candidate(*args: Any) -> Any:
        asked.append(copy.deepcopy(args))
        return names[entry](*args)

    names["check"](candidate)
    return entry, asked


def _timed(recorder: Any, tracer: str, source: str, entry: str, calls: list[Any]) -> float:
    calls = copy.deepcopy(calls)
    memory = bytearray(recorder.most_statements(source) * (len(calls) + 1)) if tracer != "none" else None
    started = time.process_time()
    record = recorder.Recorder(memory, tracer)
    code, _ = record.compile(source, "<program>")
    names: dict[str, Any] = {"__name__": "program"}
    record.turn(0)
    exec(code, names)
    for row, arguments in enumerate(calls, 1):
        record.turn(row)
        names[entry](*arguments)
    record.stop()
    used = time.process_time() - started
    if sys.version_info >= (3, 12) and sys.monitoring.get_tool(sys.monitoring.COVERAGE_ID) == "codegym":
        sys.monitoring.set_events(sys.monitoring.COVERAGE_ID, 0)
        sys.monitoring.register_callback(sys.monitoring.COVERAGE_ID, sys.monitoring.events.LINE, None)
        sys.monitoring.free_tool_id(sys.monitoring.COVERAGE_ID)
    return used


if __name__ == "__main__":
    _main()
