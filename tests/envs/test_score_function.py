"""score: texts in, outcomes with rewards out; and the documented rule that finds the code in a text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest

import codegym
from codegym.envs.errors import OptionError
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Verdict
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import CallTest, Problem
from codegym.envs.score import _fences, extract_code, score

FREE = Problem("t/free", "Add.", "add", hidden_tests=(CallTest((1, 2), 3), CallTest((1, -1), 0)), public_tests=())
GIVEN = 'import math\n\ndef helper(x):\n    return x\n\ndef add(a, b):\n    """Add."""\n'
STARTED = Problem(
    "t/started", "", "add", (GIVEN + "    return a + b\n",), hidden_tests=FREE.hidden_tests, starter=GIVEN
)
BODY = "    return a + b\n"
RIGHT = "def add(a, b):\n    return a + b\n"


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(workers=1) as found:
        yield found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RIGHT, RIGHT),
        (f"Sure:\n```python\n{RIGHT}```\nDone.", RIGHT),
        (f"```\nfirst\n```\n```\n{RIGHT}```", RIGHT),
        (f"```python\n{RIGHT}```\nOutput:\n```\n3\n```", RIGHT),
        (f"```py\n1\n```\n``` python3 title\n{RIGHT}```", RIGHT),
        (f"  ```python\n{RIGHT}  ```", RIGHT),
        (f"```python\n{RIGHT}", f"```python\n{RIGHT}"),
        ("", ""),
        ("x = '```'\n", "x = '```'\n"),
    ],
)
def test_the_code_is_the_last_complete_fence_of_the_language_or_the_whole_text(text: str, expected: str) -> None:
    assert extract_code(text, FREE) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BODY, f"{STARTED.given}\n{BODY}"),
        ("\n" + BODY, f"{STARTED.given}\n{BODY}"),
        (f"{STARTED.given}\n{BODY}", f"{STARTED.given}\n{BODY}"),
        (f"```python\n{BODY}```", f"{STARTED.given}\n{BODY}"),
        (RIGHT, "import math\n\ndef helper(x):\n    return x\n\n" + RIGHT),
        (f"import math\n{RIGHT}", f"import math\n\ndef helper(x):\n    return x\n\nimport math\n{RIGHT}"),
        ("add = lambda a, b: a + b", "import math\n\ndef helper(x):\n    return x\n\nadd = lambda a, b: a + b"),
    ],
)
def test_a_continuation_is_joined_and_a_program_stands_on_its_own(text: str, expected: str) -> None:
    assert STARTED.given == GIVEN.rstrip("\n")
    assert extract_code(text, STARTED) == expected


def test_one_text_gives_one_outcome_and_a_list_gives_a_list(executor: Executor) -> None:
    one = score(FREE, RIGHT, executor=executor)
    assert (one.verdict, one.reward) == (Verdict.PASS, 1.0)
    texts = [RIGHT, "def add(a, b): return 3", "def add(a, b): return c", "def add(a, b:"]
    many = score(FREE, texts, executor=executor)
    assert [outcome.reward for outcome in many] == [1.0, -0.3, -0.6, -1.0]
    assert score(FREE, [], executor=executor) == []


def test_the_reward_is_a_name_or_any_function(executor: Executor) -> None:
    half = "def add(a, b): return 3"
    assert score(FREE, half, "fraction", executor=executor).reward == 0.5
    assert score(FREE, half, "binary", executor=executor).reward == 0.0
    assert score(FREE, half, lambda outcome: outcome.tests_passed, executor=executor).reward == 1.0
    with pytest.raises(OptionError, match="fraction"):
        score(FREE, half, "fractoin", executor=executor)


def test_a_problem_is_found_by_its_uri(executor: Executor) -> None:
    problem = load_problems("humaneval")["humaneval/0"]
    completion = problem.references[0][len(problem.given) :]
    assert codegym.score("humaneval/0", completion, executor=executor).reward == 1.0
    assert (
        codegym.score("humaneval/0", f"Here:\n```python\n{problem.references[0]}\n```", executor=executor).reward == 1.0
    )
    assert codegym.score("humaneval/0", "    return None", executor=executor).reward == -0.3
    with pytest.raises(OptionError):
        score("humaneval/164", "", executor=executor)
    with pytest.raises(OptionError):
        score("humanevil/0", "", executor=executor)


def test_the_tests_can_be_chosen(executor: Executor) -> None:
    problem = Problem("t/two", "", "f", public_tests=(CallTest((), 1),), hidden_tests=(CallTest((), 2),))
    assert score(problem, "def f(): return 1", tests="public", executor=executor).reward == 1.0
    assert score(problem, "def f(): return 1", executor=executor).reward == -0.3


def test_fences_are_found_as_the_rule_says_and_in_linear_time() -> None:
    rule = re.compile(r"^[ \t]*```[ \t]*([\w+#-]*)[^\n]*\n(.*?)^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL)
    lines = ["```", "```python", " ``` ", "x", "", "```py x"]
    for choice in itertools.product(lines, repeat=5):
        text = "\n".join(choice)
        assert _fences(text) == rule.findall(text), text
    extract_code("```python\n" * 200_000, FREE)  # the rule as it stands takes hours


@pytest.mark.parametrize("text", [5, None, b"def f(): pass", ["a", None], [b"a"]])
def test_what_is_no_text_is_one_clear_line(text: object, executor: Executor) -> None:
    with pytest.raises(OptionError, match="text"):
        score(FREE, text, executor=executor)  # type: ignore[call-overload]
    with pytest.raises(OptionError, match="A program is a text, not int"):
        executor.run([Job(FREE, 5)])  # type: ignore[arg-type]
    assert score(FREE, RIGHT, executor=executor).verdict is Verdict.PASS
