"""Making the texts of a problem uniform: line ends, white space at ends of lines, characters that cannot be meant."""

from __future__ import annotations

from dataclasses import replace

from codegym.envs.problems.problem import Problem, StdioTest, Test


def normalised(problem: Problem) -> Problem:
    """The problem with uniform texts; equal to what came where there is nothing to do.

    Standard input keeps its inner white space, which a program may count; only line ends and characters that cannot be
    meant change. Expected output, compared as tokens, also loses white space at ends of lines. Problems that are
    compared line by line keep it.
    """
    public = tuple(_test(test, problem.exact_lines) for test in problem.public_tests)
    hidden = tuple(_test(test, problem.exact_lines) for test in problem.hidden_tests)
    return replace(
        problem,
        statement=_text(problem.statement),
        starter=_text(problem.starter),
        references=tuple(map(_text, problem.references)),
        public_tests=public,
        hidden_tests=hidden,
    )


def _text(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _test(test: Test, exact: bool) -> Test:
    if not isinstance(test, StdioTest):
        return test
    stdin, stdout = _text(test.stdin), _text(test.stdout)
    if stdin and not stdin.endswith("\n"):
        stdin += "\n"
    if not exact:
        lines = [line.rstrip() for line in stdout.split("\n")]
        stdout = "\n".join(lines).strip("\n")
        stdout += "\n" if stdout else ""
    return StdioTest(stdin, stdout)


def statement_key(statement: str) -> str:
    """The statement without its spacing and capitals, for telling whether two are the same."""
    return " ".join(statement.lower().split())
