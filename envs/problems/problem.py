"""A programming problem as a value, and the five kinds of test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from codegym.envs.problems.when_asked import WhenAsked, state_of

TestSelection = Literal["all", "public"]


@dataclass(frozen=True)
class CallTest:
    """One call of the entry point, compared outside the candidate's process with the expected value.

    Attributes:
        args: positional arguments, plain values.
        expected: the value the call must return, compared with `==` between exact plain types
            (1 == 1.0 == True, as in Python), floats within the problem's tolerance if it sets one.
        kwargs: keyword arguments, as pairs.
        fresh: run this call in a process of its own instead of after the other calls.
    """

    args: tuple[Any, ...]
    expected: Any
    kwargs: tuple[tuple[str, Any], ...] = ()
    fresh: bool = False


@dataclass(frozen=True)
class StdioTest:
    """One run of the whole program: bytes on standard input, tokens expected on standard output."""

    stdin: str
    stdout: str


@dataclass(frozen=True)
class ScriptTest:
    """Test source that runs verbatim in the referee, with a stand-in for the candidate.

    The source either defines `check(candidate)` (HumanEval), which the referee calls, or is a list of statements that
    call the entry point by name (MBPP). An AssertionError is WRONG.

    Attributes:
        source: the test program.
        setup: runs before `source`; may use names of the candidate through stand-ins (MBPP `test_setup_code`).
    """

    source: str
    setup: str = ""


@dataclass(frozen=True)
class InProcessTest:
    """unittest-style source that must share the interpreter with the candidate: results carry trust="in-process"."""

    source: str


@dataclass(frozen=True)
class OracleTest:
    """Inputs whose expected values are what the problem's first reference returns (EvalPlus); one verdict for all.

    The reference answers them once per problem, jailed as every program; a float, or a flat sequence of floats, may
    differ by the problem's tolerance, by default 1e-6.

    Attributes:
        name: of this part of the tests, "base" or "plus"; results report it beside the verdict of the whole.
        inputs: positional arguments of each call.
        rule: what makes an answer right, a key of `comparison.RULES`.
        alternatives: programs whose answers are right too, where the task can be read in more than one way.
    """

    name: str
    inputs: tuple[tuple[Any, ...], ...]
    rule: str = "equal"
    alternatives: tuple[str, ...] = ()


Test = CallTest | StdioTest | ScriptTest | InProcessTest | OracleTest


@dataclass(frozen=True)
class Limits:
    """What one program may use.

    Attributes:
        seconds: processor time for one test (for Call, Script and Oracle tests: for all calls of the program together),
            whatever the reference needs; on a machine with nothing else to do also the wall time.
        reference_factor: a program may use so many times what the reference needs on this machine, if that is more.
        most_seconds: but never more than this.
        memory_mb: address space in MiB.
        output_bytes: bytes that a program may print or return.
    """

    seconds: float = 5.0
    memory_mb: int = 1024
    output_bytes: int = 1 << 20
    reference_factor: float = 4.0
    most_seconds: float = 60.0


@dataclass(frozen=True)
class Problem:
    """One problem. Agents never receive this object: they see a `View` (no references, no hidden tests).

    What takes long to make may be given as a function: `public_tests` and `conditionals` are made when asked for.

    Attributes:
        uri: `set/id`, for example "humaneval/0" or "katas/list-filter-sum/17".
        statement: what to do, in English, without tests or solutions. Empty where the starter holds it (HumanEval).
        starter: code shown to the agent (a signature, a docstring); may be empty.
        entry_point: name of the function that tests call ("Solution.method" for a method of a class), or None for a
            program on standard input and output.
        references: complete solutions, best first (program text from the first character).
        public_tests: shown to agents as part of the statement.
        hidden_tests: never shown.
        hidden_subsumes_public: the hidden tests are the set's complete official test (HumanEval), so "all" runs them
            alone and a score equals the official one.
        language: "python" or "cpp".
        prelude: trusted code of the problem's own prompt whose names tests may use (HumanEval/32 `poly`).
        limits: what one program may use.
        tolerance: absolute or relative tolerance for floats, or None for the comparison's default.
        exact_lines: compare standard output line by line instead of as tokens.
        pseudocode: the plan of a solution, one step an item, O1-CODER's three-action form.
        difficulty: free label of the source ("easy", "interview"), or "".
        conditionals: number of conditionals in the first reference, or None if not counted.
        tags: free labels ("branches", "easy", family name).
        licence: licence of the problem's text.
        base: uri of the problem this one derives from, for decontamination ("humaneval/0" for HumanEval+/0), or "".
    """

    uri: str
    statement: str
    entry_point: str | None
    references: tuple[str, ...] = ()
    public_tests: WhenAsked[tuple[Test, ...]] = WhenAsked(())  # noqa: RUF009  a descriptor, which dataclasses know
    hidden_tests: tuple[Test, ...] = ()
    starter: str = ""
    hidden_subsumes_public: bool = False
    language: str = "python"
    prelude: str = ""
    limits: Limits = field(default_factory=Limits)
    tolerance: float | None = None
    exact_lines: bool = False
    pseudocode: tuple[str, ...] = ()
    difficulty: str = ""
    conditionals: WhenAsked[int | None] = WhenAsked(None)  # noqa: RUF009
    tags: tuple[str, ...] = ()
    licence: str = ""
    base: str = ""

    def __getstate__(self) -> dict[str, Any]:
        return state_of(self)

    @property
    def set_name(self) -> str:
        """The part of the uri before the first slash."""
        return self.uri.split("/", 1)[0]

    @property
    def given(self) -> str:
        """The text every program begins with: the starter where every reference begins with it, else empty.

        Never ends in a newline: a line owns the newline before it.
        """
        starter = self.starter.rstrip("\n")
        if starter and self.references and all(ref.startswith(starter) for ref in self.references):
            return starter
        return ""

    def tests(self, selection: TestSelection = "all") -> tuple[Test, ...]:
        """The tests of a selection, public ones first."""
        if selection == "public":
            return self.public_tests
        if self.hidden_subsumes_public:
            return self.hidden_tests
        return self.public_tests + self.hidden_tests

    def number_of_tests(self, selection: TestSelection = "all") -> int:
        """How many tests a selection has."""
        if selection == "public":
            return len(self.public_tests)
        return len(self.hidden_tests) + (0 if self.hidden_subsumes_public else len(self.public_tests))


Metadata = Mapping[str, Any]
