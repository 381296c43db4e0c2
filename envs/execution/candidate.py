"""What the child of a zygote does with a program: compile it, run it, answer its calls. Hostile ground after `exec`.

Nothing here decides anything: it maps inputs to values. It never sees an expected value, a test or a verdict, and what
it says is only believed as far as `judge` says. See `zygote` for the messages.

Runs inside the zygote: standard library only, Python 3.11 to 3.13.
"""

from __future__ import annotations

import _random
import builtins
import io
import marshal
import mmap
import operator
import os
import random
import sys
import types
from collections.abc import Callable
from typing import Any, Final, NoReturn

from codegym.envs.execution import codec, coverage, usual
from codegym.envs.execution.channel import Channel, move
from codegym.envs.execution.control import CALLS, LENGTH, MODULE

FILE_NAME: Final = "<program>"
USUAL_OUTPUT: Final = 1 << 20
"""Bytes that most programs may print, as `Limits` has it."""
MAX_HANDLES: Final = 100_000
MAX_MESSAGE: Final = 300
_TUPLE: Final = ord("(")
_BINARY: Final = (
    "eq", "ne", "lt", "le", "gt", "ge", "add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "and_",
    "or_", "xor", "lshift", "rshift", "is_", "is_not",
)  # fmt: skip
_UNARY: Final[dict[str, Callable[[Any], Any]]] = {
    "str": str, "repr": repr, "hash": hash, "bool": bool, "int": int, "float": float, "complex": complex,
    "neg": operator.neg, "pos": operator.pos, "abs": abs, "invert": operator.invert, "reversed": reversed,
    "index": operator.index, "bytes": bytes, "dir": dir, "list": list, "tuple": tuple, "set": set, "dict": dict,
}  # fmt: skip


def unpacked(frame: bytes) -> tuple[Any, ...]:
    """The "run" message that a `control.CALLS` frame stands for."""
    _, usual_imports, _, count, length, recorded, memory, output, seed, cpu = CALLS.unpack_from(frame)
    place = CALLS.size + length
    source, calls = frame[CALLS.size : place].decode("utf-8", "surrogatepass"), []
    record = marshal.loads(frame[place : place + recorded]) if recorded else (0, "none", (), ())
    place += recorded
    options = {
        "name": MODULE, "usual_imports": bool(usual_imports), "memory": memory, "output": output, "seed": seed,
        "cpu": cpu, "serve": False, **dict(zip(("coverage", "tracer", "marks", "pads"), record, strict=True)),
    }  # fmt: skip
    for _ in range(count):
        (length,) = LENGTH.unpack_from(frame, place)
        calls.append(frame[place + LENGTH.size : place + LENGTH.size + length])
        place += LENGTH.size + length
    return "run", options, source, calls


def run(channel: Channel, message: Any) -> None:
    """Load the program of a "run" message and answer its calls; returns when the process has nothing left to say."""
    _, options, source, calls = message
    recorder = _recorder(options, channel.descriptors())
    program = _Program(channel, options, recorder)
    quiet(channel, options["output"])
    if not program.load(source):
        return
    for number, packed in enumerate(calls):
        recorder.turn(number + 1)
        function, args, kwargs, want_args = (
            marshal.loads(packed) if packed[0] == _TUPLE else codec.decode(packed, None, 1 << 28)
        )
        program.send_answer(program.call(function, args, kwargs, want_args))
    if options["serve"]:
        program.serve()
    recorder.stop()


def run_stdio(channel: Channel, message: Any) -> NoReturn:
    """Run the program of a "stdio" message as a script on descriptors 0 and 1, and end as an interpreter would."""
    _, options, source = message
    *shared, standard_input, standard_output = channel.descriptors()
    recorder = _recorder(options, shared)
    move(standard_input, 0)
    move(standard_output, 1)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), encoding="utf-8")
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout)
    for stream, mode in ((sys.stdin, "r"), (sys.stdout, "w")):
        stream.mode = mode  # type: ignore[misc]  # as the interpreter does; contest templates for fast input ask for it
    program = _Program(channel, options, recorder)
    status = 1
    try:
        code = program.compile(source)
        if code is not None:
            status = program.execute(code)
            recorder.stop()
    finally:
        os._exit(status)


def run_in_process(channel: Channel, message: Any) -> None:
    """Run a program together with a unittest-style test, which must share its interpreter; trust="in-process".

    What makes forging harder, not impossible: unittest is bound and the test compiled before the program runs, and the
    verdict is a number used once that only this call's own variables hold.
    """
    import unittest

    _, options, source, test, nonce = message
    load, outcome = unittest.defaultTestLoader.loadTestsFromModule, unittest.TestResult()
    program = _Program(channel, options, coverage.Recorder(None, "none"))
    quiet(channel, options["output"])
    code = compile(test, "<test>", "exec", dont_inherit=True)
    if not program.load(source):
        return
    try:
        exec(code, program.names)
        load(program.module).run(outcome)
    except BaseException as error:
        program.fail("run", error)
        return
    faults = [*outcome.errors, *outcome.failures]
    if outcome.testsRun and not faults:
        channel.send(codec.encode(["passed", nonce]))
    else:
        channel.send(codec.encode(["wrong", faults[0][1][-MAX_MESSAGE:] if faults else "no test ran"]))


def _recorder(options: dict[str, Any], descriptors: list[int]) -> coverage.Recorder:
    if not options["coverage"]:
        return coverage.Recorder(None, "none")
    return _recorder_in(descriptors[0], *(options[name] for name in ("coverage", "tracer", "marks", "pads")))


def _recorder_in(descriptor: int, size: int, *how: Any) -> coverage.Recorder:
    shared = mmap.mmap(descriptor, size)
    os.close(descriptor)
    return coverage.Recorder(shared, *how)


def quiet(channel: Channel, limit: int) -> None:
    """Let prints go nowhere, but count them: a program that prints without end is stopped."""
    _sink.channel, _sink.room = channel, limit
    sys.stdout = _quiet_output
    vars(sys)["__stdout__"] = _quiet_output


class _Sink(io.RawIOBase):
    """A file that forgets what is written to it and ends the process when it was too much."""

    channel: Channel
    room = 0

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1

    def write(self, data: Any) -> int:
        size = len(data)
        self.room -= size
        if self.room < 0:
            self.channel.send(codec.encode(["failed", "output", "", "printed too much"]))
            os._exit(1)
        return size


# Made before the fork: a child pays for every page that making them would touch.
_sink = _Sink()
_quiet_output = io.TextIOWrapper(io.BufferedWriter(_sink, 1 << 16), encoding="utf-8")


class _Program:
    """One loaded program: its module, its objects that others hold handles of."""

    def __init__(
        self,
        channel: Channel,
        options: dict[str, Any],
        recorder: coverage.Recorder,
        module: types.ModuleType | None = None,
    ) -> None:
        self.channel = channel
        self.options = options
        self.recorder = recorder
        self.handles: list[Any] = [None]
        self.numbers: dict[int, int] = {}
        self.module = module or types.ModuleType(options["name"])
        self.names = self.module.__dict__
        if module is None:
            self.prepare()

    def prepare(self) -> None:
        """Make the interpreter what a program expects to find; run_program.c does the same."""
        options = self.options
        self.names["__builtins__"] = usual.builtins_with_usual if options["usual_imports"] else builtins
        sys.modules["__main__"] = sys.modules[options["name"]] = self.module
        sys.argv = ["program.py"]
        random.seed(options["seed"])
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            numpy.random.seed(options["seed"] & 0xFFFFFFFF)

    def compile(self, source: str) -> types.CodeType | None:
        try:
            code, spans = self.recorder.compile(source, FILE_NAME)
        except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
            self.fail("compile", error)
            return None
        _announce(self.channel, spans)
        return code

    def load(self, source: str) -> bool:
        code = self.compile(source)
        if code is None:
            return False
        self.recorder.turn(0)
        try:
            exec(code, self.names)
        except BaseException as error:
            self.fail("load", error)
            return False
        return True

    def execute(self, code: types.CodeType) -> int:
        """Run as a script and return the exit status, flushed and with its exit handlers run."""
        import atexit
        import threading

        status = 0
        self.recorder.turn(0)
        try:
            exec(code, self.names)
        except SystemExit as stop:
            status = _status(stop.code)
        except BaseException as error:
            status = 1
            self.fail("run", error)
        try:
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
            sys.stdout.flush()
        except BaseException as error:
            status = status or 120
            self.fail("run", error)
        return status

    def fail(self, stage: str, error: BaseException) -> None:
        self.channel.send(codec.encode(["failed", stage, type(error).__name__, _text(error)]))

    def register(self, thing: Any) -> int:
        number = self.numbers.get(id(thing))
        if number is None:
            if len(self.handles) > MAX_HANDLES:
                raise codec.TooLarge("too many objects held from outside")
            number = self.numbers[id(thing)] = len(self.handles)
            self.handles.append(thing)
        return number

    def resolve(self, number: int, type_name: str) -> Any:
        return self.handles[number]

    def find(self, function: str) -> Any:
        if "." in function:
            class_name, method = function.split(".", 1)
            return getattr(self.names[class_name](), method)
        return self.names[function]

    def call(self, function: str, args: list[Any], kwargs: dict[str, Any], want_args: bool) -> list[Any]:
        try:
            if function not in self.names and "." not in function:
                raise NameError(f"name {function!r} is not defined")
            value = self.find(function)(*args, **kwargs)
        except BaseException as error:
            return _error(error)
        return ["value", value, list(args), kwargs] if want_args else ["value", value]

    def send_answer(self, answer: list[Any]) -> None:
        try:
            data = codec.encode(answer, self.register, self.options["output"])
        except codec.TooLarge as error:
            data = codec.encode(["large", str(error)])
        except BaseException as error:
            data = codec.encode(_error(error))
        self.channel.send(data)

    def serve(self) -> None:
        while (data := self.channel.receive()) is not None:
            message = codec.decode(data, self.resolve, 1 << 26)
            if message[0] == "call":
                _, function, args, kwargs, want_args = message
                self.send_answer(self.call(function, args, dict(kwargs), want_args))
            else:
                _, operation, number, operands = message
                self.send_answer(self.operate(operation, number, operands))

    def operate(self, operation: str, number: int, operands: list[Any]) -> list[Any]:
        try:
            return ["value", self.result(operation, number, operands)]
        except StopIteration as stop:
            return ["stop"] if operation == "next" else _error(stop)
        except BaseException as error:
            return _error(error)

    def result(self, operation: str, number: int, operands: list[Any]) -> Any:
        if operation == "name":
            return self.names[operands[0]]
        thing = self.handles[number]
        if operation == "iter":
            return iter(thing)
        if operation == "next":
            return next(thing)
        if operation == "len":
            return len(thing)
        if operation == "index":
            return thing[operands[0]]
        if operation == "set_index":
            thing[operands[0]] = operands[1]
            return None
        if operation == "attribute":
            return getattr(thing, operands[0])
        if operation == "set_attribute":
            return setattr(thing, operands[0], operands[1])
        if operation == "call":
            return thing(*operands[0], **dict(operands[1]))
        if operation == "contains":
            return operands[0] in thing
        if operation == "isinstance":
            return operands[0] in [base.__name__ for base in type(thing).__mro__]
        if operation == "unary":
            return _UNARY[operands[0]](thing)
        if operation == "drop":
            self.numbers.pop(id(thing), None)
            self.handles[number] = None
            return None
        name, other, reflected = operands
        if operation != "binary" or name not in _BINARY:
            raise TypeError(f"unknown operation {operation!r}")
        return getattr(operator, name)(*((other, thing) if reflected else (thing, other)))


def _announce(channel: Channel, spans: list[tuple[int, int]] | None) -> None:
    if spans is not None:
        channel.send(codec.encode(["statements", [end for span in spans for end in span]], max_bytes=1 << 26))


class Rest:
    """What run_program.c leaves to Python: a program that it has loaded said something that is not plain.

    Args:
        channel: of the program.
    """

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.module = types.ModuleType(_copy(MODULE))
        self.program: _Program | None = None
        self.recorder = coverage.Recorder(None, "none")

    def record(self, how: tuple[Any, ...], descriptor: int, source: str) -> types.CodeType:
        """Compile a program so that it records itself in the memory behind a descriptor."""
        self.recorder = _recorder_in(descriptor, *how)
        code, spans = self.recorder.compile(source, FILE_NAME)
        _announce(self.channel, spans)
        self.recorder.turn(0)
        return code

    def turn(self, row: int) -> None:
        """A call begins."""
        self.recorder.turn(row)

    def of(self, output: int) -> _Program:
        """The program as Python sees it, made when it is first needed."""
        if self.program is None:
            recorder = coverage.Recorder(None, "none")
            self.program = _Program(self.channel, {"output": output}, recorder, self.module)
        return self.program

    def fail(self, output: int, stage: str, error: BaseException) -> None:
        """The program did not compile or load."""
        self.of(output).fail(stage, error)

    def error(self, output: int, error: BaseException) -> None:
        """A call raised."""
        self.of(output).send_answer(_error(error))

    def answer(self, output: int, *parts: Any) -> None:
        """A call returned a value that is not plain; the arguments follow it where they are asked for."""
        self.of(output).send_answer(["value", *parts])

    def call(self, output: int, *call: Any) -> None:
        """A call of a method, or of a name that is missing."""
        program = self.of(output)
        program.send_answer(program.call(*call))

    def prepare(self) -> list[Any]:
        """Make this process what a program expects to find in its child, and return what run_program.c works with.

        The objects are in its order, and must live as long as this process. What every program uses is made anew, so
        that it lies side by side: the pages are copied in each child.
        """
        usual.usual_imports()
        self.module.__dict__["__builtins__"] = builtins
        sys.modules["__main__"] = sys.modules[MODULE] = self.module
        sys.argv = ["program.py"]
        quiet(self.channel, USUAL_OUTPUT)
        return [
            self.fail, self.error, self.answer, self.call, "compile", "load", compile, _copy(FILE_NAME), "exec", 0,
            True, self.module, usual.builtins_with_usual, _RANDOM_SEED, _GENERATOR, _sink, USUAL_OUTPUT, self.record,
            self.turn,
        ]  # fmt: skip


def _copy(text: str) -> str:
    return text[:1] + text[1:]


_GENERATOR: Final = vars(random)["_inst"]  # the one behind `random.seed` and its like
_RANDOM_SEED: Final = vars(_random.Random)["seed"]


def _error(error: BaseException) -> list[Any]:
    return ["error", type(error).__name__, _text(error), [base.__name__ for base in type(error).__mro__]]


def _text(error: BaseException) -> str:
    try:
        text = str(error)
        return text[:MAX_MESSAGE] if type(text) is str else ""
    except BaseException as another:
        return f"(its text raised {type(another).__name__})"


def _status(code: Any) -> int:
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1
