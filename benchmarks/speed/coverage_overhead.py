"""What recording coverage costs: processor time of HumanEval's canonical solutions with each tracer, in turn.

* "overhead": compile, load and call, in one process of the given interpreter, without fork, jail and judge. The file
  runs itself in that interpreter, with the tracer's source and nothing else of ours.
* "whole": everything, in all processes: an executor's judge, zygotes and programs, with coverage over without.
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
"""In the order of a round. "fast" is what `statements.choose` makes of it, worked out before the clock starts, as the
judge does it ("whole" has it in); "coverage" (coverage.py) only where that interpreter has it."""

_COPIES = 2  # of each program, in a round of "whole"


def measure(python: str, rounds: int) -> dict[str, Any]:
    """Measure one interpreter.

    Returns:
        "python" (its version), "milliseconds" of a program for each tracer (median of rounds), "overhead": each
        tracer's time over that of none, within a round (median), and "whole": see above, with its "milliseconds".
    """
    from codegym.envs.execution import coverage, statements
    from codegym.envs.problems.catalog import load_problems

    problems = list(load_problems("humaneval"))
    programs = [
        (problem.references[0], problem.hidden_tests[0].source, problem.entry_point)  # type: ignore[union-attr]
        for problem in problems
    ]
    modules = {module.__name__: module.__file__ for module in (statements, coverage)}
    told = json.dumps({"modules": modules, "programs": programs, "rounds": rounds})
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
        "whole": _whole(python, problems, rounds),
    }


def _whole(python: str, problems: Sequence[Any], rounds: int) -> dict[str, Any]:
    """Processor time of an executor and all its processes, with coverage and without in turn."""
    from codegym.benchmarks.speed.processor_time import processor_seconds
    from codegym.envs.errors import InfrastructureError
    from codegym.envs.execution.executor import Executor
    from codegym.envs.execution.outcome import Job, Verdict

    used: dict[bool, list[float]] = {False: [], True: []}
    with Executor(python=python, cache=False) as executor:
        for number in range(rounds + 1):  # the first one warms up
            for coverage in used:
                jobs = [
                    Job(problem, f"{problem.references[0]}\n# {number} {copy}\n", coverage=coverage)
                    for problem in problems
                    for copy in range(_COPIES if number else 1)
                ]
                before = processor_seconds()
                outcomes = executor.run(jobs)
                if any(outcome.verdict is not Verdict.PASS for outcome in outcomes):
                    raise InfrastructureError("A canonical solution did not pass.")
                if number:
                    used[coverage].append((processor_seconds() - before) / len(jobs))
    return {
        "milliseconds": {
            "without": round(statistics.median(used[False]) * 1e3, 3),
            "with": round(statistics.median(used[True]) * 1e3, 3),
        },
        "overhead": round(statistics.median(a / b for a, b in zip(used[True], used[False], strict=True)), 3),
    }


def _main() -> None:
    setting = json.load(sys.stdin)
    for name, file in setting["modules"].items():
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    statements, recorder = map(sys.modules.__getitem__, setting["modules"])
    tracers = [name for name in TRACERS if name != "coverage" or importlib.util.find_spec("coverage")]
    programs = [(source, *_calls(source, test, entry)) for source, test, entry in setting["programs"]]
    seconds: dict[str, list[float]] = {name: [] for name in tracers}
    for number in range(setting["rounds"] + 1):  # the first one warms up
        for tracer in tracers:
            used = sum(_timed(statements, recorder, tracer, *program) for program in programs)
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


def _timed(statements: Any, recorder: Any, tracer: str, source: str, entry: str, calls: list[Any]) -> float:
    calls = copy.deepcopy(calls)
    used, layout = tracer, None
    if tracer == "fast":
        used, layout = statements.choose("fast", source, sys.version_info >= (3, 12))
    width = layout.width if layout else statements.most_statements(source)
    memory = bytearray(width * (len(calls) + 1)) if tracer != "none" else None
    started = time.process_time()
    record = recorder.Recorder(memory, used, *((layout.marks, layout.pads) if layout else ()))
    code, _ = record.compile(source, "<program>")
    names: dict[str, Any] = {"__name__": "program"}
    record.turn(0)
    exec(code, names)
    for row, arguments in enumerate(calls, 1):
        record.turn(row)
        names[entry](*arguments)
    record.stop()
    seconds = time.process_time() - started
    if sys.version_info >= (3, 12) and sys.monitoring.get_tool(sys.monitoring.COVERAGE_ID) == "codegym":
        for event in (sys.monitoring.events.LINE, sys.monitoring.events.INSTRUCTION):
            sys.monitoring.register_callback(sys.monitoring.COVERAGE_ID, event, None)
        sys.monitoring.free_tool_id(sys.monitoring.COVERAGE_ID)
    return seconds


if __name__ == "__main__":
    _main()
