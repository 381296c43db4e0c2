"""HumanEval+ and MBPP+ (EvalPlus, Liu et al. 2023, Apache-2.0): many inputs, expected values from the reference.

Each problem has two hidden tests, "base" (the inputs of the original set) and "plus" (EvalPlus' own), which
`codegym score` reports as two columns; a program passes if it passes both. The expected values are what the reference
returns on this machine. Special cases are EvalPlus' (its `_special_oracle`): answers in any order, tasks that can be
read in two ways, a root of a polynomial that is any root.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from codegym.envs.errors import DataError
from codegym.envs.problems.problem import Limits, OracleTest, Problem, ScriptTest
from codegym.envs.problems.problem_set import Source
from codegym.envs.problems.sources.human_eval import public_examples
from codegym.envs.problems.sources.reading import Place, read, source
from codegym.envs.problems.statistics import count_conditionals

LICENCE = "Apache-2.0"

_FILES = {
    "humanevalplus": "humanevalplus/HumanEvalPlus.jsonl.gz",
    "humanevalplus-mini": "humanevalplus/HumanEvalPlus-Mini.jsonl.gz",
    "mbppplus": "mbppplus/MbppPlus.jsonl.gz",
}
_FIELDS = {"task_id": str, "prompt": str, "entry_point": str, "canonical_solution": str, "base_input": list}
_LIMITS = Limits(
    seconds=10.0, memory_mb=4096, output_bytes=64 << 20
)  # EvalPlus' 4 GiB; HumanEval/15 prints numbers to 10^6


def human_eval_plus(path: str = "") -> Source:
    """HumanEval+, uris humanevalplus/0 to humanevalplus/163: 748 inputs a problem."""
    return _source("humanevalplus", path, _human_eval_problem)


def human_eval_plus_mini(path: str = "") -> Source:
    """HumanEval+ Mini: the few inputs that tell most wrong programs apart, 7 a problem."""
    return _source("humanevalplus-mini", path, _human_eval_problem)


def mbpp_plus(path: str = "") -> Source:
    """MBPP+: 378 tasks of the hand-checked part of MBPP, under their task_ids."""
    return _source("mbppplus", path, _mbpp_problem)


def _source(name: str, given: str, build: Callable[[str, dict[str, Any]], Problem]) -> Source:
    place = Place((_FILES[name],), None, LICENCE, "EvalPlus: many inputs a problem, expected values from the reference")
    return source(
        name,
        given,
        read(name, given, place),
        build,
        place=place,
        needs=(),
        ids=("task_id",),
        identity=lambda task: task.rpartition("/")[2],
        check=_check,
    )


def _check(record: dict[str, Any], where: str) -> None:
    for field, kind in _FIELDS.items():
        if not isinstance(record.get(field), kind):
            raise DataError(f"{where}: the field {field!r} must be a {kind.__name__}.")


def _human_eval_problem(uri: str, record: dict[str, Any]) -> Problem:
    reference = record["prompt"] + record["canonical_solution"]
    rule = "root" if record["entry_point"] == "find_zero" else "equal"
    return Problem(
        uri=uri,
        statement="",
        entry_point=record["entry_point"],
        references=(reference,),
        public_tests=lambda: public_examples(record),
        hidden_tests=_tests(record, rule),
        starter=record["prompt"],
        hidden_subsumes_public=True,
        limits=_LIMITS,
        tolerance=record.get("atol") or None,
        conditionals=lambda: count_conditionals(reference),
        licence=LICENCE,
        base=record["task_id"].replace("HumanEval", "humaneval"),
    )


def _mbpp_problem(uri: str, record: dict[str, Any]) -> Problem:
    task = int(uri.rpartition("/")[2])
    entry = record["entry_point"]
    restore = _ARGUMENTS.get(task, list)
    record = record | {name: [restore(args) for args in record.get(name, ())] for name in ("base_input", "plus_input")}
    statement, example = _statement_and_example(record["prompt"])
    code = record["canonical_solution"].strip("\n") + "\n"
    return Problem(
        uri=uri,
        statement=statement,
        entry_point=entry,
        references=(code,),
        public_tests=(ScriptTest(example),) if example else (),
        hidden_tests=_tests(record, _RULES.get(entry, "equal"), _ALTERNATIVES.get(entry, ())),
        hidden_subsumes_public=True,
        limits=_LIMITS,
        tolerance=record.get("atol") or None,
        conditionals=lambda: count_conditionals(code),
        licence=LICENCE,
        base=f"mbpp/{task}",
    )


def _tests(record: dict[str, Any], rule: str, alternatives: tuple[str, ...] = ()) -> tuple[OracleTest, ...]:
    return tuple(
        OracleTest(name, tuple(tuple(args) for args in record[field]), rule, alternatives)
        for name, field in (("base", "base_input"), ("plus", "plus_input"))
        if record.get(field)
    )


def _statement_and_example(prompt: str) -> tuple[str, str]:
    """The description and the assert of an MBPP+ prompt, which is a docstring that ends in one."""
    try:
        body = ast.parse(prompt).body
        text = ast.literal_eval(body[0].value) if body and isinstance(body[0], ast.Expr) else prompt
    except (SyntaxError, ValueError):
        text = prompt
    lines = str(text).strip().split("\n")
    examples = [line for line in lines if line.startswith("assert ")]
    return "\n".join(line for line in lines if line not in examples).strip(), "\n".join(examples)


# JSON has neither tuples, sets nor complex numbers: what the arguments of MBPP's tasks were before they were written.


def _tuples(values: Sequence[Any]) -> list[Any]:
    return [tuple(value) for value in values]


def _deep(value: Any) -> Any:
    return tuple(_deep(item) for item in value) if isinstance(value, list) else value


def _nested(value: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(tuple(item) if isinstance(item, list) else item for item in value)


def _each(convert: Callable[[Any], Any]) -> Callable[[list[Any]], list[Any]]:
    return lambda args: [convert(arg) for arg in args]


def _at(place: int, convert: Callable[[Any], Any]) -> Callable[[list[Any]], list[Any]]:
    return lambda args: [convert(arg) if position == place else arg for position, arg in enumerate(args)]


_GROUPS: tuple[tuple[Callable[[list[Any]], list[Any]], tuple[int, ...]], ...] = (
    (_each(tuple), (
        2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740, 744, 809,
    )),
    (_each(_tuples), (63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780)),
    (_at(0, _tuples), (75, 413, 444, 753)),
    (_at(1, tuple), (106, 750)),
    (_at(0, tuple), (250, 307, 405, 446, 617, 720, 763, 808)),
    (_each(_nested), (259, 401, 445)),
    (_at(0, _nested), (278,)),
    (_each(_deep), (580, 615, 791)),
    (_at(0, lambda sets: [set(items) if items else {} for items in sets]), (115,)),
    (_at(0, complex), (252,)),
    (lambda args: [float(args[0]), complex(args[1])], (124,)),
    (_at(0, lambda table: {key: tuple(value) for key, value in table.items()}), (722,)),
)  # fmt: skip
_ARGUMENTS = {task: restore for restore, tasks in _GROUPS for task in tasks}

_RULES = {
    "check_str": "not-none", "text_match_three": "not-none", "text_starta_endb": "not-none",
    "similar_elements": "set", "find_char_long": "set", "common_in_nested_lists": "set", "extract_singly": "set",
    "larg_nnum": "set", "intersection_array": "set", "find_dissimilar": "set", "Diff": "set",
    "are_equivalent": "anything",
}  # fmt: skip
"""By entry point: a match object for True; answers in any order; a task whose reference is wrong (Mbpp/164)."""

_ALTERNATIVES: dict[str, tuple[str, ...]] = {
    "sum_div": ("def sum_div(number):\n    return 0\n",),
    "surface_Area": (
        "def surface_Area(edge, height):\n"
        "    # the height is that of the pyramid, not that of its sides\n"
        "    slant = ((edge / 2) ** 2 + height**2) ** 0.5\n"
        "    return round(edge**2 + 2 * edge * slant)\n",
    ),
    "digit_distance_nums": (
        "def digit_distance_nums(first, second):\n"
        "    # digit by digit, the shorter number filled up with zeros\n"
        "    width = max(len(str(first)), len(str(second)))\n"
        "    pairs = zip(str(first).zfill(width), str(second).zfill(width))\n"
        "    return sum(abs(int(a) - int(b)) for a, b in pairs)\n",
    ),
}
"""By entry point: a second way to read the task, right as well."""
