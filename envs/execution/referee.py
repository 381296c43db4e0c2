"""Runs test source in a jailed process that holds the tests and never candidate code.

The test runs verbatim; `candidate`, and the entry point's name, is a function that hands over what the candidate's
process said: the recorded answers one after the other (replay), or one message a call (record, live). What a test
cannot find in itself, in its setup or in the problem's prelude comes from the standard library, and only then, as a
stand-in, from the program: classes that MBPP's tests construct, never a function that could judge.

A referee is one child of a zygote like any program's, under the same walls; a value that makes a test loop, recurse or
crash takes the referee down, and that is the candidate's verdict. See `zygote` for the messages.

Runs inside the zygote: standard library only.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import marshal
import random
import sys
from types import CodeType
from typing import Any, Final, NoReturn

from codegym.envs.execution import candidate, codec, isolation, stand_in, usual
from codegym.envs.execution.channel import Channel

MAX_OPERATIONS: Final = 20_000
"""Messages that one test may cost: calls, and operations on objects that stayed with the candidate."""

_MEMORY: Final = 2 << 30
_ANY_SIZE: Final = 1 << 28
_MESSAGE: Final = 400
_FILE: Final = "<test>"
_ANY_OUTPUT: Final = 1 << 62  # what a test prints is nobody's
_KEPT: Final = 256  # compiled tests
_PARTS: Final = ("prelude", "setup", "source")
_MEMORY_ERRORS: Final = ("MemoryError", "_ArrayMemoryError")


class _End(BaseException):
    """The test is over, whatever it catches: the verdict is kept in the task."""


def serve(channel: Channel, message: list[Any]) -> None:
    """Run the tasks of a channel until it is closed, beginning with the one already received."""
    isolation.limit(seconds=None, memory=_MEMORY, profile="numpy")
    candidate.quiet(channel, _ANY_OUTPUT)
    compiled: dict[tuple[str, ...], _Test] = {}
    while True:
        task = message[1]
        answers = [channel.receive() for _ in range(task["answers"])]
        parts = tuple(task[part] for part in _PARTS)
        if parts not in compiled:
            if len(compiled) >= _KEPT:
                compiled.clear()
            compiled[parts] = _Test(parts)
        channel.send(_Sitting(channel, task, answers).judge(compiled[parts]))
        data = channel.receive()
        if data is None:
            return
        message = codec.decode(data, None, _ANY_SIZE)


_BUILTINS: Final = {name: value for name, value in vars(builtins).items() if not name.startswith("_")}


class _Test:
    """Compiled test source.

    Attributes:
        parts: prelude, setup and test, in the order in which they run; each a text and its code.
        has_check: it defines `check(candidate)` and leaves it to us to call.
        error: why it does not compile, or "".
    """

    def __init__(self, texts: tuple[str, ...]) -> None:
        self.parts: list[tuple[str, str, CodeType]] = []
        self.has_check = False
        self.error = ""
        try:
            for part, text in zip(_PARTS, texts, strict=True):
                tree = ast.parse(text, _FILE)
                self.parts.append((part, text, compile(tree, _FILE, "exec", dont_inherit=True)))
            body = tree.body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self.error = f"the test does not compile: {type(error).__name__}: {error}"
            return
        defined = any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in body)
        called = any(_calls_check(node) for node in body)
        self.has_check = defined and not called


def _calls_check(node: ast.stmt) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "check"


class _Names(dict[str, Any]):
    """The globals of a test; a name that it lacks is looked up in the standard library, then asked of the program.

    Builtins are among them, for each one that is not found here takes as long as ten that are.

    Args:
        sitting: asks the program.
        has_builtins: nobody will change them.
    """

    def __init__(self, sitting: _Sitting, has_builtins: bool) -> None:
        super().__init__(_BUILTINS if has_builtins else {}, __name__="test", __builtins__=builtins)
        self.sitting = sitting

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name) or name == "__annotations__":
            raise KeyError(name)
        names = usual.usual_imports()
        if name in names:
            value = names[name]
        elif name in sys.stdlib_module_names:
            value = importlib.import_module(name)
        else:
            value = self.sitting.program_class(name)
        self[name] = value
        return value


class _Sitting:
    """One run of one test."""

    def __init__(self, channel: Channel, task: dict[str, Any], answers: list[bytes | None]) -> None:
        self.channel = channel
        self.entry: str = task["entry"]
        self.replays = task["kind"] == "replay"
        self.answers = answers
        self.expected_calls: list[Any] = task.get("calls", [])
        self.turn = 0
        self.operations = 0
        self.recorded: list[Any] | None = [] if task["kind"] == "record" else None
        self.ended: tuple[str, str] | None = None
        self.raised: list[BaseException] = []  # by the candidate, as the test sees them

    # The test

    def judge(self, test: _Test) -> bytes:
        """Run the test; returns the verdict's frame."""
        random.seed(0)  # a test that draws its inputs draws the recorded ones again
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(0)
        verdict, message = self.run(test)
        extra = self.recorded if verdict == "PASS" else None
        return codec.encode(["verdict", verdict, message[:_MESSAGE], extra], max_bytes=_ANY_SIZE)

    def run(self, test: _Test) -> tuple[str, str]:
        if test.error:
            return "ERROR", test.error
        names = _Names(self, all("builtins" not in text for _, text, _ in test.parts))
        text = ""
        try:
            for part, text, code in test.parts:  # noqa: B007
                if part == "setup":  # the prelude may hold a stub of the entry point
                    self.introduce(names)
                exec(code, names)
            if test.has_check:
                names["check"](names["candidate"])
        except BaseException as error:
            return self.ended or self.verdict_of(error, text)
        return self.ended or ("PASS", "")

    def introduce(self, names: _Names) -> None:
        def stand_in_for_candidate(*args: Any, **kwargs: Any) -> Any:
            return self.call(list(args), kwargs)

        stand_in_for_candidate.__name__ = stand_in_for_candidate.__qualname__ = (
            self.entry.rpartition(".")[2] or "candidate"
        )
        names["candidate"] = stand_in_for_candidate
        if self.entry and "." not in self.entry:
            names[self.entry] = stand_in_for_candidate

    def verdict_of(self, error: BaseException, text: str) -> tuple[str, str]:
        kind = type(error).__name__
        try:
            message = str(error)
        except BaseException as another:
            message = f"(its text raised {type(another).__name__})"
        if any(error is raised for raised in self.raised):
            return ("MEMORY" if kind in _MEMORY_ERRORS else "ERROR"), f"{kind}: {message}"
        where = _line(error, text)
        if isinstance(error, AssertionError):
            return "WRONG", where or message or "an assertion failed"
        if isinstance(error, MemoryError):
            return "MEMORY", "the test ran out of memory"
        return "ERROR", f"{kind}: {message} ({where})" if where else f"{kind}: {message}"

    def end(self, verdict: str, message: str = "") -> NoReturn:
        self.ended = self.ended or (verdict, message)
        raise _End

    # The candidate

    def call(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Answer one call of the test."""
        if self.ended:
            raise _End
        wants_args = any(map(stand_in.holds_mutable, args)) or any(map(stand_in.holds_mutable, kwargs.values()))
        call = [self.entry, args, kwargs, wants_args]
        if self.replays:
            turn, self.turn = self.turn, self.turn + 1
            if turn >= len(self.answers) or not _same(call, self.expected_calls[turn]):
                self.end("ABSENT")
            data = self.answers[turn]
        else:
            if self.recorded is not None:
                self.record(call)
            data = self.ask(["call", *call])
        answer = self.read(data)
        if len(answer) == 4:
            for old, new in zip(args, answer[2] if type(answer[2]) is list else (), strict=False):
                stand_in.apply(old, new)
            stand_in.apply(kwargs, answer[3])
        return answer[1]

    def record(self, call: list[Any]) -> None:
        try:
            assert self.recorded is not None
            self.recorded.append(codec.decode(codec.encode(call, max_bytes=_ANY_SIZE), None, _ANY_SIZE))
        except codec.CodecError:  # a stand-in among the arguments: such a test is asked live
            self.recorded = None

    def operate(self, operation: str, number: int, operands: list[Any]) -> Any:
        """Ask for an operation on an object that stayed with the candidate."""
        self.recorded = None
        return self.read(self.ask(["op", operation, number, operands]))[1]

    def program_class(self, name: str) -> Any:
        """A class of the program, by its name; a KeyError for anything else."""
        if self.ended:
            raise _End
        found = self.operate("name", 0, [name])
        if not isinstance(found, stand_in.StandIn) or found._name == "function":
            raise KeyError(name)
        return found

    def ask(self, message: list[Any]) -> bytes | None:
        if self.ended:
            raise _End
        self.operations += 1
        if self.replays:
            self.end("ABSENT")
        if self.operations > MAX_OPERATIONS:
            self.end("OUTPUT", "the test had to ask too often")
        self.channel.send(codec.encode(message, stand_in.number_of, _ANY_SIZE))
        return self.channel.receive()

    def read(self, data: bytes | None) -> list[Any]:
        """Return a "value" answer; raise what the candidate raised; end the test on anything else."""
        if data is None:
            self.end("ABSENT")
        try:
            answer = codec.decode(data, self.resolve, _ANY_SIZE)
            kind = answer[0] if type(answer) is list and answer else None
        except MemoryError:
            self.end("MEMORY", "the answer is too large")
        except Exception:
            kind = None
        if kind == "value" and len(answer) in (2, 4):
            return answer  # type: ignore[no-any-return]
        if kind == "error" and len(answer) == 4:
            error = stand_in.exception(*answer[1:])
            self.raised.append(error)
            raise error
        if kind == "stop":
            raise StopIteration
        if kind == "gone":
            self.end("ABSENT")
        if kind == "large":
            self.end("OUTPUT", "the answer is too large")
        self.end("OUTPUT", "the answer cannot be read")

    def resolve(self, number: int, name: str) -> stand_in.StandIn:
        return stand_in.StandIn(self.operate, number, name)


def _same(call: list[Any], recorded: list[Any]) -> bool:
    """Whether a call is the recorded one, to the exact types."""
    try:
        return marshal.dumps(call[:3], 2) == marshal.dumps(recorded[:3], 2)
    except ValueError:  # values that only the codec knows
        pass
    try:
        return codec.encode(call[:3], max_bytes=_ANY_SIZE) == codec.encode(recorded[:3], max_bytes=_ANY_SIZE)
    except codec.CodecError:
        return False


def _line(error: BaseException, text: str) -> str:
    """The line of the test in which an exception came up."""
    number, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _FILE:
            number = trace.tb_lineno
        trace = trace.tb_next
    lines = text.splitlines()
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""
