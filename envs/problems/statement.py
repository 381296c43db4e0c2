"""What agents read about a problem: the statement in English, and the prompt of a completion-style language model."""

from __future__ import annotations

import ast
from typing import Any

from codegym.envs.problems.problem import CallTest, OracleTest, Problem, StdioTest, Test


def statement(problem: Problem) -> str:
    """What to do: English, the starter where it is not given anyway, and the public tests as examples.

    A problem whose starter holds the task (HumanEval) is described by the docstring of the entry point, whose
    examples are the public tests already.
    """
    if not problem.statement:
        return _docstring(problem) or problem.starter.rstrip("\n")
    parts = [problem.statement.strip("\n")]
    if problem.starter and not problem.given:
        parts.append("Starter code:\n\n" + problem.starter.strip("\n"))
    examples = public_test_lines(problem)
    if examples:
        parts.append("Examples:\n" + "\n".join("    " + line for line in examples))
    return "\n\n".join(parts)


def prompt(problem: Problem) -> str:
    r"""What a completion-style language model reads before the program's text.

    Short statements become comment lines, each public test one more comment line; long ones (MBPP, APPS) a docstring
    of their own. Where the program begins with given text the prompt ends in a newline; otherwise it does not, and
    the model writes that newline: `prompt + given` never ends in one, because tokenizers merge a newline with the
    indentation after it.
    """
    if not problem.statement:
        return ""
    lines = problem.statement.strip().split("\n")
    if problem.given or problem.language != "python":
        mark = "#" if problem.language == "python" else "//"
        if problem.starter and not problem.given:
            lines += ["", "Starter code:", *problem.starter.strip("\n").split("\n")]
        text = "\n".join(f"{mark} {line}".rstrip() for line in lines + public_test_lines(problem))
    else:
        text = '"""\n' + statement(problem).replace("\\", "\\\\").replace('"""', '\\"\\"\\"') + '\n"""'
    return text + "\n" if problem.given else text


def public_test_lines(problem: Problem) -> list[str]:
    """Each public test as one line of text."""
    return [test_line(test, problem.entry_point) for test in problem.public_tests]


def test_line(test: Test, entry_point: str | None) -> str:
    """One test as one line: `f([3, 1]) == 4`, an assert, or the input and output of a program."""
    if isinstance(test, CallTest):
        arguments = [literal(value) for value in test.args]
        arguments += [f"{name}={literal(value)}" for name, value in test.kwargs]
        owner, _, method = (entry_point or "").rpartition(".")
        callee = f"{owner}().{method}" if owner else method
        return f"{callee}({', '.join(arguments)}) == {literal(test.expected)}"
    if isinstance(test, StdioTest):
        return f"input {test.stdin!r} prints {test.stdout!r}"
    if isinstance(test, OracleTest):
        return f"{len(test.inputs)} inputs of {entry_point} ({test.name})"
    source = test.source.strip()
    if "\n" not in source:
        return source
    try:
        return "; ".join(repr(line)[1:-1] for line in map(ast.unparse, ast.parse(source).body))
    except SyntaxError:
        return repr(source)


test_line.__test__ = False  # type: ignore[attr-defined]  # a name that pytest would collect


def literal(value: Any) -> str:
    """The value as Python source, the same text in every process: sets are sorted."""
    if isinstance(value, (set, frozenset)):
        items = sorted(map(literal, value))
        text = "{" + ", ".join(items) + "}" if items else "set()"
        return f"frozenset({text if items else ''})" if isinstance(value, frozenset) else text
    if type(value) is list:
        return "[" + ", ".join(map(literal, value)) + "]"
    if type(value) is tuple:
        return "(" + ", ".join(map(literal, value)) + ("," if len(value) == 1 else "") + ")"
    if type(value) is dict:
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    return repr(value)


def _docstring(problem: Problem) -> str:
    try:
        tree = ast.parse(problem.references[0] if problem.given else problem.starter)
    except (SyntaxError, IndexError):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == problem.entry_point:
            return ast.get_docstring(node) or ""
    return ""
