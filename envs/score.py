"""score: run model-written texts against a problem and give each a reward. Needs neither Gymnasium nor torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import overload

from codegym.envs.errors import OptionError
from codegym.envs.execution.executor import Executor, shared_executor
from codegym.envs.execution.outcome import Job, Outcome
from codegym.envs.problems.catalog import find_problem
from codegym.envs.problems.problem import Problem, TestSelection
from codegym.envs.rewards.outcome_reward import RewardOption, resolve_reward

_OPENS = re.compile(r"[ \t]*```[ \t]*([\w+#-]*)")
_CLOSES = re.compile(r"[ \t]*```[ \t]*")
_TAGS = {"python": {"python", "python3", "py", "py3"}, "cpp": {"cpp", "c++", "cxx", "cc"}}


@overload
def score(  # type: ignore[overload-overlap]  # a str is also a sequence of str
    problem: Problem | str,
    text_or_list: str,
    reward: RewardOption = "ladder",
    *,
    tests: TestSelection = "all",
    executor: Executor | None = None,
) -> Outcome: ...


@overload
def score(
    problem: Problem | str,
    text_or_list: Sequence[str],
    reward: RewardOption = "ladder",
    *,
    tests: TestSelection = "all",
    executor: Executor | None = None,
) -> list[Outcome]: ...


def score(
    problem: Problem | str,
    text_or_list: str | Sequence[str],
    reward: RewardOption = "ladder",
    *,
    tests: TestSelection = "all",
    executor: Executor | None = None,
) -> Outcome | list[Outcome]:
    """Run one text, or several, against the tests of a problem.

    Args:
        problem: a problem, or the uri of one ("humaneval/0").
        text_or_list: what a model wrote: a program, a continuation of the given text, or prose with a code fence; see
            `extract_code`.
        reward: a name ("ladder", "binary", "fraction", ...) or any function of an Outcome.
        tests: "all" or "public".
        executor: runs the programs; by default one shared by the whole process.

    Returns:
        The outcome with its `reward`, or a list of them for a list.

    Raises:
        OptionError: an unknown reward, problem set or problem, or something that is no text.
        InfrastructureError: the machine failed; never turned into a reward.
    """
    pay = resolve_reward(reward)
    target = find_problem(problem) if isinstance(problem, str) else problem
    if not isinstance(text_or_list, str | Sequence) or isinstance(text_or_list, bytes):
        raise OptionError(f"What is scored is a text or a list of texts, not {type(text_or_list).__name__}.")
    texts = [text_or_list] if isinstance(text_or_list, str) else list(text_or_list)
    jobs = [Job(target, extract_code(text, target), tests) for text in texts]
    outcomes = [replace(outcome, reward=float(pay(outcome))) for outcome in (executor or shared_executor()).run(jobs)]
    return outcomes[0] if isinstance(text_or_list, str) else outcomes


def extract_code(text: str, problem: Problem) -> str:
    """Return the program in a model's text.

    The code is the last complete ``` fence tagged with the problem's language, else the last complete fence, else the
    whole text. Then, where the problem gives a beginning (`problem.given`):

    * code that begins with it is the program;
    * code that defines the entry point itself is a program of its own; what the given text has before its definition of
      the entry point (imports, helper functions) is put before it;
    * anything else continues the given text, on a new line.

    C++ forbids a second definition: code that has includes of its own gets only the includes and using-declarations of
    the given text, for it brings its helper functions.

    Raises:
        OptionError: it is no text.
    """
    if not isinstance(text, str):
        raise OptionError(f"A program is a text, not {type(text).__name__} ({problem.uri}).")
    fences = _fences(text)
    tags = _TAGS.get(problem.language, {problem.language})
    tagged = [code for tag, code in fences if tag.lower() in tags]
    code: str = (tagged or [code for _, code in fences] or [text])[-1]
    given = problem.given
    if not given or code.startswith(given):
        return code
    name = (problem.entry_point or "").split(".", 1)[0]
    if problem.language == "cpp":
        return _cpp_program(code, given, name)
    definition = re.compile(
        rf"^(?:async[ \t]+def|def|class)[ \t]+{re.escape(name)}\b|^{re.escape(name)}[ \t]*=", re.MULTILINE
    )
    if name and definition.search(code):
        place = definition.search(given)
        return (given[: place.start()] if place else "") + code
    return given + code if code.startswith("\n") else f"{given}\n{code}"


def _fences(text: str) -> list[tuple[str, str]]:
    """Tag and content of each complete fence, in time proportional to the text: it may be hostile."""
    found: list[tuple[str, str]] = []
    tag: str | None = None
    lines: list[str] = []
    for line in text.split("\n"):
        if tag is None:
            opens = _OPENS.match(line)
            if opens:
                tag, lines = opens.group(1), []
        elif _CLOSES.fullmatch(line):
            found.append((tag, "".join(f"{one}\n" for one in lines)))
            tag = None
        else:
            lines.append(line)
    return found


def _cpp_program(code: str, given: str, name: str) -> str:
    definition = re.compile(rf"^[\w:][\w:<>,&* \t]*[\s&*>]{re.escape(name)}[ \t]*\([^()]*\)\s*\{{", re.MULTILINE)
    found = [*definition.finditer(given)]
    if name and found and definition.search(code):
        before = given[: found[-1].start()]
        if re.search(r"^[ \t]*#[ \t]*include", code, re.MULTILINE):
            before = "".join(re.findall(r"^(?:[ \t]*#|using\b|typedef\b)[^\n]*\n", before, re.MULTILINE))
        return before + code
    return given + code if code.startswith("\n") else f"{given}\n{code}"
