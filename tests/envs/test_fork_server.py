"""The C helper of fork servers does what the Python loop does, is made once, and is done without where it cannot be."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codegym.envs import compiled
from codegym.envs.execution import fork_server
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Verdict
from codegym.envs.problems.problem import CallTest, Limits, Problem, ScriptTest, StdioTest

LIMITS = Limits(seconds=30.0, memory_mb=256)
ADD = Problem("t/add", "", "f", hidden_tests=(CallTest((1, 2), 3),), limits=LIMITS)
ECHO = Problem("t/echo", "", None, hidden_tests=(StdioTest("5\n", "6\n"),), limits=LIMITS)
CHECK = Problem("t/check", "", "f", hidden_tests=(ScriptTest("assert f(2) * f(3) == 6"),), limits=LIMITS)
HUNG = Problem("t/hung", "", "f", hidden_tests=(CallTest((1, 2), 3),), limits=Limits(seconds=1.0))
OWN_SIGNALS = """
import os, signal, threading
seen = []
signal.signal(signal.SIGUSR2, lambda *_: seen.append(1))
signal.raise_signal(signal.SIGUSR2)
thread = threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGUSR2))
thread.start()
thread.join()
def f(a, b): return a + len(seen)
"""
CASES = {
    "right": (ADD, "def f(a, b): return a + b", Verdict.PASS),
    "wrong": (ADD, "def f(a, b): return a - b", Verdict.WRONG),
    "dies": (ADD, "import os\ndef f(a, b): os._exit(3)", Verdict.ERROR),
    "standard input": (ECHO, "print(int(input()) + 1)", Verdict.PASS),
    "longer than a first read": (ADD, "def f(a, b): return a + b\n" + "# long\n" * 30_000, Verdict.PASS),
    "a referee's test": (CHECK, "def f(n): return n", Verdict.PASS),
    "a refused call": (ADD, "import os\ndef f(a, b): os.fork()", Verdict.POLICY),
    "refused calls without end": (
        ADD, "import os\ndef f(a, b):\n  while True:\n    try: os.fork()\n    except OSError: pass", Verdict.POLICY,
    ),
    "signals to itself, from threads too": (ADD, OWN_SIGNALS, Verdict.PASS),
    "a signal to another": (ADD, "import os\ndef f(a, b): os.kill(1, 0)", Verdict.POLICY),
    "its own limits": (
        ADD, "import os, resource\ndef f(a, b): return a + b if resource.prlimit(os.getpid(), 3) else 0", Verdict.PASS,
    ),
    "limits of another": (ADD, "import resource\ndef f(a, b): resource.prlimit(1, 3)", Verdict.POLICY),
    "endless": (HUNG, "def f(a, b):\n  while True: pass", Verdict.TIMEOUT),
}  # fmt: skip


@pytest.mark.parametrize("helper", [pytest.param(fork_server.library, id="C"), pytest.param(lambda: "", id="Python")])
def test_every_verdict_is_the_same_with_and_without_the_helper(
    helper: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not helper() and helper is fork_server.library:
        pytest.skip(fork_server.examine()[1])
    monkeypatch.setattr(fork_server, "library", helper)
    with Executor(workers=1, cache=False) as executor:
        found = executor.run([Job(problem, program) for problem, program, _ in CASES.values()])
        assert {n: o.verdict for n, o in zip(CASES, found, strict=True)} == {n: c[2] for n, c in CASES.items()}
        assert [name for name, outcome in zip(CASES, found, strict=True) if outcome.policy] == [
            name for name in CASES if "refused" in name or name.endswith("another")
        ]


def test_what_was_executed_is_the_same_with_and_without_the_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = [
        "def f(a, b):\n  for i in range(b):\n    if i > 5: break\n    a += 1\n  else:\n    return a\n  return 0",
        "def f(a, b):\n  if a: raise KeyError(a)\n  return a + b",
        "import os\ndef f(a, b):\n  os._exit(1)\n  return a",
        "raise ValueError",
        "def f(a, b:",
        "def f(a, b): return {a}",
    ]
    twice = Problem("t/twice", "", "f", hidden_tests=(CallTest((1, 2), 3), CallTest((0, 9), 9)), limits=LIMITS)
    found = []
    for helper in (fork_server.library(), ""):
        monkeypatch.setattr(fork_server, "library", lambda helper=helper: helper)
        with Executor(workers=1, cache=False) as executor:
            outcomes = executor.run([Job(twice, program, coverage=True) for program in programs])
        found.append([(o.verdict, o.executed, [(t.verdict, t.executed) for t in o.tests]) for o in outcomes])
    assert found[0] == found[1]
    assert [len(executed or ()) for _, executed, _ in found[0]] == [7, 4, 3, 1, 0, 2]


def _memory(process: int, *, flag: str = "") -> Iterator[bytes]:
    """What a process could read of itself, mapping by mapping; only those with this flag of the kernel's."""
    found = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path(f"/proc/{process}/smaps").read_text(), flags=re.M)[1:]
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        for mapping in found:
            start, end = (int(place, 16) for place in mapping.split()[0].split("-"))
            if mapping.split()[1][0] == "r" and f" {flag}" in mapping.rpartition("VmFlags:")[2] and "[v" not in mapping:
                memory.seek(start)
                yield memory.read(end - start)


@pytest.mark.skipif(os.geteuid() != 0 or os.uname().machine != "x86_64", reason="reads the memory of other processes")
def test_the_key_of_the_fork_server_is_in_no_child_and_nowhere_else_in_itself() -> None:
    if not fork_server.library():
        pytest.skip(fork_server.examine()[1])
    with Executor(workers=1, cache=False) as executor:
        executor.run([Job(ADD, "def f(a, b): return a + b")])
        (server,) = executor._engine.zygotes.every()
        (init,) = map(int, Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split())
        children = [int(child) for child in Path(f"/proc/{init}/task/{init}/children").read_text().split()]
        (page,) = _memory(init, flag="wf")
        key = page[:8]
        assert any(key) and not any(page[8:]) and children
        assert sum(memory.count(key) for memory in _memory(init)) == 1
        for child in children:
            assert not any(any(page) for page in _memory(child, flag="wf"))
            assert sum(memory.count(part) for memory in _memory(child) for part in (key[:6], key[2:])) == 0


def test_it_is_compiled_once_into_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    monkeypatch.setenv("CODEGYM_CACHE", str(tmp_path))
    path, why = fork_server.examine.__wrapped__()
    assert why == "" and Path(path).parent == tmp_path
    assert [place.name for place in tmp_path.iterdir()] == [Path(path).name]
    made = Path(path).stat().st_mtime_ns
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert fork_server.examine.__wrapped__() == (path, "")
    assert Path(path).stat().st_mtime_ns == made


def test_a_file_that_others_may_write_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEGYM_CACHE", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert fork_server.examine.__wrapped__() == ("", "no C compiler on the path")
    monkeypatch.setattr(compiled, "_is_ours", lambda path: True)
    planted = Path(fork_server.examine.__wrapped__()[0])
    monkeypatch.undo()
    monkeypatch.setenv("CODEGYM_CACHE", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    planted.write_bytes(b"not ours")
    planted.chmod(0o666)
    assert fork_server.examine.__wrapped__()[0] == ""


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEGYM_HELPER", "off")
    assert fork_server.examine.__wrapped__() == ("", "switched off by CODEGYM_HELPER")
