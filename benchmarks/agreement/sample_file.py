"""A sample file of known make: ten programs a problem, all distinct, a third of them wrong.

python -m codegym.benchmarks.agreement.sample_file SAMPLES.jsonl
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from codegym.benchmarks.agreement.variants import drawn, ending_mutants, function_of, same_in_other_words
from codegym.envs.files import write_atomically
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import Problem


def sample_lines(problems: Sequence[Problem], *, each: int = 10, wrong: int = 3, more_wrong: int = 3) -> list[str]:
    """The JSON lines of a file of completions: references in other words, and mutants of them.

    Args:
        problems: with a given text, as HumanEval has it.
        each: samples per problem.
        wrong: mutants among them; every `more_wrong`-th problem has one more, so that with the defaults one third of
            all samples is a mutant (a few mutants are right all the same).
        more_wrong: see `wrong`.
    """
    lines = []
    for number, problem in enumerate(problems):
        reference = problem.references[0]
        count = wrong + (number % more_wrong == 0)
        entry = function_of(reference, problem.entry_point or "")  # helpers of the prompt stay what the tests know
        bad = [_completion(text) for text in drawn(ending_mutants(entry), count, problem.uri)]
        good = [_cut(same_in_other_words(reference, n), problem) for n in range(each - len(bad))]
        task = f"HumanEval/{problem.uri.rpartition('/')[2]}"
        lines += [json.dumps({"task_id": task, "completion": text}) for text in (*good, *bad)]
    return lines


def _cut(program: str, problem: Problem) -> str:
    return program[len(problem.starter) :]


def _completion(mutant: str) -> str:
    """The mutant as a completion of the prompt: the entry point once more, after a body that is never run."""
    return f"    pass\n\n\n{mutant}"


def main(path: str) -> None:
    """Write the file for HumanEval: 1,640 samples."""
    write_atomically(path, "".join(line + "\n" for line in sample_lines(list(load_problems("humaneval")))))


if __name__ == "__main__":
    main(*sys.argv[1:])
