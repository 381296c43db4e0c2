"""Problems written by hand, a text file of them per topic.

A problem is a block of lines:

    == name                      (a speaking name; of a program the only place where it has one)
    One phrasing. / Another one. (one line)
    - One step of the plan. - The next. (one line)
    def name(x):                 (the first reference)
    --                           (then another one, in another style; `-- cpp`: the same program in C++17)
    > 3 ; 0 ; 7, 8               (inputs as Python literals, arguments with commas; the first are public)
    ? x >= 0                     (the domain: a condition on the arguments, or on `text` for a program; may be left out)

More hidden tests are drawn: changes of the inputs that fulfil the condition and on which all references agree.
"""

from __future__ import annotations

import ast
import copy
import functools
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from types import CodeType
from typing import Any

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import HELD_OUT, Family, Kata, Parameters
from codegym.envs.problems.katas.variations import changed
from codegym.envs.problems.problem import StdioTest

TOPICS = {
    "numbers": ("numbers",),
    "strings": ("strings",),
    "lists": ("lists",),
    "dicts": ("dicts", "sets"),
    "classes": ("classes", "simulation"),
    "programs": ("programs",),
}
_MOST_DRAWN = 12
_CHANGES = 40


@dataclass(frozen=True)
class Written:
    """One problem as written."""

    name: str
    statements: tuple[str, ...]
    plan: tuple[str, ...]
    references: tuple[str, ...]
    inputs: tuple[Any, ...]
    domain: str = "True"
    cpp: str = ""

    @property
    def starter(self) -> str:
        """The first lines of a function or a class, "" for a program."""
        lines = self.references[0].split("\n")
        return (
            lines[0] if lines[0].startswith("def ") else "\n".join(lines[:2]) if lines[0] == "class Solution:" else ""
        )

    @property
    def entry_point(self) -> str | None:
        """What the tests call."""
        if not self.starter:
            return None
        name = self.starter.partition("def ")[2].partition("(")[0]
        return f"Solution.{name}" if self.starter.startswith("class") else name

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the arguments; `text` stands for the input of a program."""
        if not self.starter:
            return ("text",)
        names = self.starter.rpartition("(")[2].rstrip("):").split(", ")
        return tuple(name for name in names if name != "self")


@functools.cache
def table(topic: str) -> dict[str, Written]:
    """The problems of a topic by name, in the order of its file."""
    text = files(__name__).joinpath(f"{topic}.txt").read_text(encoding="utf-8")
    blocks = [_parsed(block) for block in ("\n" + text).split("\n== ")[1:]]
    return {block.name: block for block in blocks}


def _parsed(block: str) -> Written:
    name, said, plan, *lines = block.rstrip().split("\n")
    domain = lines.pop()[2:] if lines[-1].startswith("? ") else "True"
    inputs = lines.pop()[2:].split(" ; ")
    python, _, cpp = "\n".join(lines).partition("\n-- cpp\n")
    references = tuple(python.split("\n--\n"))
    program = not python.startswith(("def ", "class "))
    return Written(
        name,
        tuple(said.split(" / ")),
        tuple(plan.removeprefix("- ").split(" - ")),
        references,
        tuple(ast.literal_eval(text if program else f"({text},)") for text in inputs),
        domain,
        cpp,
    )


def make(topic: str, parameters: Parameters, draws: Draws) -> Kata:
    """The kata of a name."""
    written = table(topic)[parameters[0]]
    return Kata(
        statement=draws.choice(written.statements),
        references=written.references,
        inputs=_inputs(topic, written.name) if written.starter else (),
        starter=written.starter,
        entry_point=written.entry_point,
        plan=written.plan,
        public=2 if written.starter else 1,
        difficulty="medium",
    )


def tests(topic: str, name: str) -> tuple[StdioTest, ...]:
    """The tests of a program; `make` leaves them to this, because a program here may read `sys.stdin`."""
    written = table(topic)[name]
    program = compile(written.references[0], "<reference>", "exec")
    return tuple(StdioTest(text, _run(written, program, text)) for text in dict.fromkeys(_inputs(topic, name)))


@functools.cache
def _inputs(topic: str, name: str) -> tuple[Any, ...]:
    """The inputs as written, and changes of them that lie in the domain; decided by what is written alone."""
    written = table(topic)[name]
    if written.domain == "False":
        return written.inputs
    draws = Draws("written", written.name)
    programs = [compile(reference, "<reference>", "exec") for reference in written.references]
    domain = compile(written.domain, "<domain>", "eval")
    found: list[Any] = []
    for _ in range(_CHANGES):
        item = changed(draws.choice(written.inputs), draws)
        if len(found) < _MOST_DRAWN and _fits(written, domain, item) and _agree(written, programs, item):
            found.append(item)
    return (*written.inputs, *found)


def _fits(written: Written, domain: CodeType, item: Any) -> bool:
    values = item if isinstance(item, tuple) else (item,)
    try:
        # Conditions of the files beside this one: trusted code. One that raises is not fulfilled.
        return bool(eval(domain, dict(zip(written.arguments, values, strict=True))))
    except (ValueError, LookupError, TypeError):
        return False


def _agree(written: Written, programs: Sequence[CodeType], item: Any) -> bool:
    answers = []
    for program in programs:
        try:
            answers.append(_run(written, program, copy.deepcopy(item)))
        except (ValueError, LookupError, TypeError, ArithmeticError, AttributeError, EOFError):
            return False
    return all(repr(answer) == repr(answers[0]) for answer in answers)


def _run(written: Written, program: CodeType, item: Any) -> Any:
    stdin, stdout = sys.stdin, sys.stdout
    sys.stdin, sys.stdout = io.StringIO(item if isinstance(item, str) else ""), io.StringIO()
    try:
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(program, names)
        if written.entry_point is None:
            return sys.stdout.getvalue()
        owner, _, method = written.entry_point.rpartition(".")
        return (getattr(names[owner](), method) if owner else names[method])(*item)
    finally:
        sys.stdin, sys.stdout = stdin, stdout


def _family(name: str, topic: str, names: Sequence[str], tags: tuple[str, ...]) -> Family:
    held_out = max(2, round(HELD_OUT * len(names)))
    return Family(
        name=name,
        parameters=lambda: [(word,) for word in names],
        structure=lambda parameters: parameters[0],
        make=functools.partial(make, topic),
        counts=(len(names) - held_out, held_out - held_out // 2, held_out // 2),
        tags=tags,
    )


FAMILIES = tuple(
    _family(f"written-{topic}", topic, tuple(table(topic)), ("written", *tags)) for topic, tags in TOPICS.items()
)
