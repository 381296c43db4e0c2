"""Programs run in a jail of their own, any number at a time; whatever they do, the executor goes on."""
# ruff: noqa: E501  (programs in one line)

from __future__ import annotations

import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from codegym.envs.errors import IsolationError, OptionError
from codegym.envs.execution import codec, waiting
from codegym.envs.execution.engine import Engine
from codegym.envs.execution.executor import Executor, shared_executor
from codegym.envs.execution.outcome import Job, Outcome, Verdict
from codegym.envs.execution.referees import Referees
from codegym.envs.execution.running import Active, Talk
from codegym.envs.execution.server import ZygoteServer
from codegym.envs.execution.work import Dialogue, Run
from codegym.envs.problems.problem import CallTest, InProcessTest, Limits, Problem, ScriptTest, StdioTest, Test

SHORT = Limits(seconds=1.0, memory_mb=256, output_bytes=1 << 16)
ADD = Problem("t/add", "", "f", hidden_tests=(CallTest((1, 2), 3), CallTest((5, 5), 10)), limits=SHORT)
SUM = Problem(
    "t/sum", "", None, hidden_tests=(StdioTest("3\n1 2 3\n", "6\n"), StdioTest("2\n5 6\n", "11\n")), limits=SHORT
)


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(workers=2, cache=False) as found:
        yield found


def outcome(executor: Executor, problem: Problem, program: str) -> Outcome:
    return executor.run([Job(problem, program)])[0]


def patient(problem: Problem, verdict: Verdict) -> Problem:
    """The problem with time enough for all but endless programs, on a busy machine too."""
    return problem if verdict is Verdict.TIMEOUT else replace(problem, limits=replace(SHORT, seconds=30.0))


CALLS = {
    "right": ("def f(a, b): return a + b", Verdict.PASS),
    "float": ("def f(a, b): return float(a + b)", Verdict.PASS),
    "wrong": ("def f(a, b): return a - b", Verdict.WRONG),
    "raises": ("def f(a, b): raise KeyError(a)", Verdict.ERROR),
    "missing": ("def g(a, b): return a + b", Verdict.ERROR),
    "raises while loading": ("1 / 0", Verdict.ERROR),
    "does not compile": ("def f(a, b:", Verdict.COMPILE),
    "late future import": ("x = 1\nfrom __future__ import annotations", Verdict.COMPILE),
    "null character": ("x = 1 \0", Verdict.COMPILE),
    "surrogate": ("x = '\ud800'", Verdict.COMPILE),
    "ten megabytes": ("x = 1\n" * 1_700_000, Verdict.COMPILE),
    "nested too deeply": ("x = " + "(" * 5000 + ")" * 5000, Verdict.COMPILE),
    "loops": ("def f(a, b):\n  while True: pass", Verdict.TIMEOUT),
    "sleeps": ("import time\ntime.sleep(100)", Verdict.TIMEOUT),
    "stops itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", Verdict.TIMEOUT),
    "ignores signals": ("import signal\nsignal.pthread_sigmask(0, range(1, 64))\nwhile True: pass", Verdict.TIMEOUT),
    "hangs in C": ("x = 7 ** (7 ** 9)", Verdict.TIMEOUT),
    "takes all memory": ("x = []\nwhile True: x.append(bytearray(1 << 26))", Verdict.MEMORY),
    "asks for all memory": ("x = [0] * 10 ** 11", Verdict.MEMORY),
    "prints without end": ("while True: print('x' * 10000)", Verdict.OUTPUT),
    "returns too much": ("def f(a, b): return 'x' * (1 << 20)", Verdict.OUTPUT),
    "returns a long integer": ("def f(a, b): return 1 << (1 << 27)", Verdict.OUTPUT),
    "returns a deep list": ("def f(a, b):\n  x = []\n  for _ in range(10 ** 5): x = [x]\n  return x", Verdict.OUTPUT),
    "leaves with status 0": ("import os\nos._exit(0)", Verdict.ERROR),
    "exits while loading": ("raise SystemExit(None)", Verdict.ERROR),
    "exits in the call": ("def f(a, b): quit()", Verdict.ERROR),
    "crashes": ("import os\nos.abort()", Verdict.ERROR),
    "equal to everything": ("class E:\n  __eq__ = lambda s, o: True\ndef f(a, b): return E()", Verdict.WRONG),
    "equal integer": ("class E(int):\n  __eq__ = lambda s, o: True\ndef f(a, b): return E()", Verdict.WRONG),
    "text of its exception hangs": (
        "class X(Exception):\n  def __str__(self):\n    while True: pass\ndef f(a, b): raise X()",
        Verdict.TIMEOUT,
    ),
    "forks": ("import os\nos.fork()\ndef f(a, b): return a", Verdict.POLICY),
    "tries to fork and is right": (
        "import os\ntry: os.fork()\nexcept OSError: pass\ndef f(a, b): return a + b",
        Verdict.PASS,
    ),
    "prints": ("print('debug' * 1000)\ndef f(a, b):\n  print(a)\n  return a + b", Verdict.PASS),
    "has a main guard": ("def f(a, b): return a + b\nif __name__ == '__main__': print(f(*input()))", Verdict.PASS),
    "starts a thread": (
        "import threading\nt = threading.Thread(target=int)\nt.start()\nt.join()\ndef f(a, b): return a + b",
        Verdict.PASS,
    ),
    "recurses deeply": (
        "import sys\nsys.setrecursionlimit(20000)\ndef d(n): return 0 if n == 0 else 1 + d(n - 1)\nd(9000)\n"
        "def f(a, b): return a + b",
        Verdict.PASS,
    ),
    "has a dataclass": (
        "from __future__ import annotations\nfrom dataclasses import dataclass, KW_ONLY\n@dataclass\nclass P:\n"
        "  x: int\n  _: KW_ONLY\n  y: int\ndef f(a, b): return P(a, y=b).x + b",
        Verdict.PASS,
    ),
    "uses numpy": ("import numpy as np\ndef f(a, b): return int(np.add(a, b))", Verdict.PASS),
    "returns a numpy number": ("import numpy as np\ndef f(a, b): return np.add(a, b)", Verdict.PASS),
    "uses the usual imports": (
        "def f(a: List[int], b) -> Optional[int]: return reduce(operator.add, [a, b])",
        Verdict.PASS,
    ),
    "keeps state": ("n = []\ndef f(a, b):\n  n.append(a)\n  return a + b if len(n) < 3 else 0", Verdict.PASS),
}


@pytest.fixture(scope="module")
def call_outcomes(executor: Executor) -> dict[str, Outcome]:
    jobs = [Job(patient(ADD, verdict), program) for program, verdict in CALLS.values()]
    return dict(zip(CALLS, executor.run(jobs), strict=True))


@pytest.mark.parametrize("name", CALLS)
def test_the_verdict_of_a_program_that_answers_calls(name: str, call_outcomes: dict[str, Outcome]) -> None:
    found = call_outcomes[name]
    assert found.verdict is CALLS[name][1], found.message
    assert found.tests_total == 2 and len(found.message) <= 500
    assert found.compiles == bool(found.tests)


def test_a_denied_call_is_known_even_where_the_program_is_right(call_outcomes: dict[str, Outcome]) -> None:
    assert call_outcomes["tries to fork and is right"].policy
    assert not call_outcomes["right"].policy


SCRIPTS = {
    "right": ("n = int(input())\nprint(sum(map(int, input().split())))", Verdict.PASS),
    "exits with 0": ("import sys\nd = sys.stdin.read().split()\nprint(sum(map(int, d[1:])))\nsys.exit(0)", Verdict.PASS),
    "exits at once with 0": ("import os\nos.write(1, b'6')\nos._exit(0)", Verdict.WRONG),
    "exits with 1": ("import sys\nd = sys.stdin.read().split()\nprint(sum(map(int, d[1:])))\nsys.exit(1)", Verdict.ERROR),
    "opens descriptor 0": ("d = open(0).read().split()\nprint(sum(map(int, d[1:])))", Verdict.PASS),
    "reads descriptor 0": (
        "import os\nd = os.read(0, os.fstat(0).st_size).split()\nos.write(1, b'%d\\n' % sum(map(int, d[1:])))",
        Verdict.PASS,
    ),
    "reads bytes": ("import sys\nd = sys.stdin.buffer.read().split()\nsys.stdout.buffer.write(b'%d' % sum(map(int, d[1:])))",
                    Verdict.PASS),
    "main guard": ("if __name__ == '__main__':\n  input()\n  print(sum(map(int, input().split())))", Verdict.PASS),
    "prints in an exit handler": (
        "import atexit\nd = open(0).read().split()\natexit.register(lambda: print(sum(map(int, d[1:]))))",
        Verdict.PASS,
    ),
    "prints in a thread": (
        "import threading\nd = open(0).read().split()\nthreading.Thread(target=lambda: print(sum(map(int, d[1:])))).start()",
        Verdict.PASS,
    ),
    "prints nothing": ("import sys\nsys.exit(0)", Verdict.WRONG),
    "prints the first token only": ("print(6)", Verdict.WRONG),
    "reads too much": ("input(); input(); input()", Verdict.ERROR),
    "does not compile": ("print(", Verdict.COMPILE),
    "writes to its input": ("import os\nos.write(0, b'x')", Verdict.ERROR),
    "prints without end": ("while True: print('x' * 10000)", Verdict.OUTPUT),
    "writes without end": ("import os\nwhile True: os.write(1, b'x' * 10000)", Verdict.OUTPUT),
    "prints no text": ("import os\nos.write(1, b'\\xff')", Verdict.OUTPUT),
    "loops": ("print(6, flush=True)\nwhile True: pass", Verdict.TIMEOUT),
    "takes all memory": ("x = [0] * 10 ** 11", Verdict.MEMORY),
    "closes its output": ("import os\nos.close(1)", Verdict.WRONG),
    "kills itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", Verdict.ERROR),
}  # fmt: skip


@pytest.fixture(scope="module")
def script_outcomes(executor: Executor) -> dict[str, Outcome]:
    jobs = [Job(patient(SUM, verdict), program) for program, verdict in SCRIPTS.values()]
    return dict(zip(SCRIPTS, executor.run(jobs), strict=True))


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_verdict_of_a_program_on_standard_input(name: str, script_outcomes: dict[str, Outcome]) -> None:
    assert script_outcomes[name].verdict is SCRIPTS[name][1], script_outcomes[name].message


def test_tests_before_a_death_keep_their_verdicts(executor: Executor) -> None:
    found = outcome(executor, ADD, "def f(a, b):\n  if a == 1: return 3\n  while True: pass")
    assert [test.verdict for test in found.tests] == [Verdict.PASS, Verdict.TIMEOUT]
    assert found.verdict is Verdict.TIMEOUT and found.tests_passed == 1


def test_a_fresh_test_sees_nothing_of_the_others(executor: Executor) -> None:
    program = "n = []\ndef f():\n  n.append(0)\n  return len(n)"
    shared = Problem("t/shared", "", "f", hidden_tests=(CallTest((), 1), CallTest((), 2)))
    fresh = Problem("t/fresh", "", "f", hidden_tests=(CallTest((), 1, fresh=True), CallTest((), 1, fresh=True)))
    assert outcome(executor, shared, program).verdict is Verdict.PASS
    assert outcome(executor, fresh, program).verdict is Verdict.PASS


def test_a_method_is_called_on_a_fresh_instance(executor: Executor) -> None:
    tests = (CallTest((1,), 1, (("k", 2),)), CallTest((1,), 1))
    problem = Problem("t/method", "", "Solution.m", hidden_tests=tests)
    program = "class Solution:\n  n = 0\n  def m(self, a, k=0):\n    self.n += a\n    return self.n"
    assert outcome(executor, problem, program).verdict is Verdict.PASS


def test_unittest_tests_share_the_interpreter_and_say_so(executor: Executor) -> None:
    source = "import unittest\nclass T(unittest.TestCase):\n  def test_it(self):\n    self.assertEqual(f(1, 2), 3)"
    problem = Problem("t/unittest", "", "f", hidden_tests=(InProcessTest(source),))
    right = outcome(executor, problem, "def f(a, b): return a + b")
    wrong = outcome(executor, problem, "def f(a, b): return a - b")
    assert (right.verdict, right.trust) == (Verdict.PASS, "in-process")
    assert (wrong.verdict, wrong.trust) == (Verdict.WRONG, "in-process")
    assert outcome(executor, problem, "import os\nos._exit(0)").verdict is Verdict.ERROR


def test_chance_is_the_same_in_every_run_and_another_for_another_seed(executor: Executor) -> None:
    problem = Problem("t/chance", "", "f", hidden_tests=(CallTest((), None),))
    program = "import random, numpy\ndef f(): return random.random(), numpy.random.rand(), hash('x')"

    def drawn(seed: int) -> str:
        return executor.run([Job(problem, program, seed=seed)])[0].message

    assert drawn(0) == drawn(0) != drawn(1)
    assert drawn(0).split()[-3:] == drawn(1).split()[-3:]  # the hash seed is fixed


def test_the_order_of_outcomes_is_that_of_the_jobs(executor: Executor) -> None:
    jobs = [Job(ADD, f"def f(a, b): return a + {'b' if i % 3 else '0'}  # {i}") for i in range(60)]
    assert [found.verdict is Verdict.PASS for found in executor.run(jobs)] == [i % 3 > 0 for i in range(60)]


def test_an_empty_batch_and_a_problem_without_tests(executor: Executor) -> None:
    assert executor.run([]) == []
    problem = Problem("t/empty", "", None)
    assert outcome(executor, problem, "x = 1").verdict is Verdict.PASS
    assert outcome(executor, problem, "x = ").verdict is Verdict.COMPILE


def test_long_inputs_and_outputs_arrive(executor: Executor) -> None:
    values = list(range(100_000))
    limits = Limits(output_bytes=1 << 22)
    calls = Problem("t/long", "", "f", hidden_tests=(CallTest((values,), values[::-1]),), limits=limits)
    assert outcome(executor, calls, "def f(v): return v[::-1]").verdict is Verdict.PASS
    text = " ".join(map(str, values))
    stdio = Problem("t/longer", "", None, hidden_tests=(StdioTest(text, text),), limits=limits)
    assert outcome(executor, stdio, "print(input())").verdict is Verdict.PASS


def test_the_wall_limit_holds_for_every_program_of_a_batch(executor: Executor) -> None:
    limits = Limits(seconds=0.3)
    problem = Problem("t/loop", "", "f", hidden_tests=(CallTest((), 0),), limits=limits)
    found = executor.run([Job(problem, f"while True: pass  # {i}") for i in range(6)])
    assert {one.verdict for one in found} == {Verdict.TIMEOUT}


def test_a_program_that_arrives_slowly_is_not_overtaken_by_an_endless_one() -> None:
    slow = "def f(a, b): return a + b\n#" + "x" * 900_000
    endless = "def f(a, b):\n  while True: pass"
    problem = replace(ADD, limits=replace(SHORT, seconds=2.0))
    with Executor(workers=1, cache=False) as executor:
        found = executor.run([Job(problem, slow), Job(problem, endless), Job(problem, slow)])
    assert [one.verdict for one in found] == [Verdict.PASS, Verdict.TIMEOUT, Verdict.PASS]


def test_equal_jobs_run_once_and_are_remembered() -> None:
    with Executor(workers=1) as executor:
        executor.run([Job(ADD, "def f(a, b): return a + b")] * 5)
        assert (executor.statistics["executed"], executor.statistics["jobs"]) == (1, 5)
        executor.run([Job(ADD, "def f(a, b): return a + b")])
        assert executor.statistics["executed"] == 1
        executor.run([Job(ADD, "def f(a, b): return a + b", coverage=True)])
        executor.run([Job(ADD, "def f(a, b): return a + b", seed=1)])
        executor.run([Job(ADD, "def f(a, b): return a + b", tests="public")])
        assert executor.statistics["executed"] == 4
        for _ in range(2):
            executor.run([Job(ADD, "while True: pass")])
        assert executor.statistics["executed"] == 6  # a timeout may be the machine's fault


def test_each_outcome_is_told_with_its_place_as_soon_as_it_is_known() -> None:
    slow = "import time\ntime.sleep(0.5)\ndef f(a, b): return a + b"
    programs = [slow, "def f(a, b): return a + b", "def f(a, b): return 0", "def f(a, b): return a + b"]
    told: list[tuple[int, Verdict]] = []
    with Executor(workers=2) as executor:
        jobs = [Job(ADD, program) for program in programs]
        found = executor.run(jobs, lambda place, one: told.append((place, one.verdict)))
        assert told[0] == (1, Verdict.PASS)  # it did not wait for the slow one before it
        assert sorted(told) == [(place, one.verdict) for place, one in enumerate(found)]
        again: list[tuple[int, Verdict]] = []
        executor.run(jobs, lambda place, one: again.append((place, one.verdict)))
        assert again == sorted(told)  # from memory


def test_a_reference_is_recorded_once_however_many_programs_wait_for_it() -> None:
    source = "def check(candidate):\n    for i in range(3):\n        assert candidate(i, i) == 2 * i\ncheck(f)"
    reference = "def f(a, b): return a + b"
    problem = Problem("t/loop", "", "f", hidden_tests=(ScriptTest(source),), references=(reference,), limits=SHORT)
    asked: list[str] = []

    class Watched(Referees):
        def _begin(self, talk: Talk) -> None:
            asked.append(codec.decode(talk.dialogue.frames[0])[1]["kind"])
            super()._begin(talk)

    with Executor(workers=2, cache=False) as executor:
        executor.report()
        assert executor._engine is not None
        executor._engine._referees.__class__ = Watched
        for count in (6, 1):
            found = executor.run([Job(problem, f"def f(a, b): return a + b  # {count} {n}") for n in range(count)])
            assert {one.verdict for one in found} == {Verdict.PASS}
    assert asked.count("record") == 1


def test_programs_of_other_problems_run_while_many_wait_for_a_recording() -> None:
    source = "def check(candidate):\n    for i in range(2):\n        assert candidate(i, i) == 2 * i\ncheck(f)"
    reference = "import time\ndef f(a, b): time.sleep(0.3); return a + b"
    slow = Problem("t/slow", "", "f", hidden_tests=(ScriptTest(source),), references=(reference,), limits=SHORT)
    jobs = [Job(slow, f"def f(a, b): return a + b  # {n}") for n in range(60)]
    order: list[int] = []
    with Executor(workers=2, cache=False) as executor:
        executor.run([*jobs, Job(ADD, "def f(a, b): return a + b")], lambda place, one: order.append(place))
    assert order[0] == len(jobs)


def test_a_dead_zygote_is_replaced_and_its_program_runs_again(executor: Executor) -> None:
    outcome(executor, ADD, "x = 1")
    assert executor._engine is not None
    zygotes = executor._engine.zygotes.every()
    threading.Timer(0.3, lambda: [os.kill(zygote.process.pid, signal.SIGKILL) for zygote in zygotes]).start()
    jobs = [Job(ADD, f"import time\ntime.sleep(0.2)\ndef f(a, b): return a + b  # {i}") for i in range(8)]
    assert {found.verdict for found in executor.run(jobs)} == {Verdict.PASS}


@pytest.mark.parametrize("spare", [0, 1])
def test_each_zygote_keeps_to_a_core_of_its_own_where_no_core_is_left_over(spare: int) -> None:
    """Also the zygote that takes the place of another; an executor that leaves cores to others takes what is free."""
    cores = os.sched_getaffinity(0)
    if len(cores) <= spare:
        pytest.skip("one core")
    problem = replace(ADD, hidden_tests=(CallTest((), True),))
    program = "import os\ndef f(): return len(os.sched_getaffinity(0)) == {}"
    with Executor(workers=len(cores) - spare, cache=False) as found:
        for _ in range(2):
            wanted = program.format(len(cores) if spare else 1)
            assert outcome(found, problem, wanted).verdict is Verdict.PASS
            assert found._engine is not None
            found._engine.zygotes.settle()
            zygotes = found._engine.zygotes.serving()
            serving = [waiting.children(zygote.process.pid)[0] for zygote in zygotes]  # or one that it forked
            kept = [os.sched_getaffinity(pid) for pid in serving]
            assert sorted(kept, key=min) == ([cores] * len(kept) if spare else [{core} for core in sorted(cores)])
            os.kill(zygotes[-1].process.pid, signal.SIGKILL)
            time.sleep(0.1)


def test_threads_may_share_an_executor(executor: Executor) -> None:
    found: list[Outcome] = []

    def work(number: int) -> None:
        found.extend(executor.run([Job(ADD, f"def f(a, b): return a + b  # {number} {i}") for i in range(5)]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.verdict for one in found] == [Verdict.PASS] * 20


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def test_nothing_is_left_after_close() -> None:
    before = descriptors()
    executor = Executor(workers=2)
    executor.run([Job(ADD, "def f(a, b): return a + b"), Job(SUM, "while True: pass"), Job(ADD, "while 1: print(1)")])
    assert executor._engine is not None
    started = [zygote.process.pid for zygote in executor._engine.zygotes.every()]
    executor.close()
    executor.close()
    assert descriptors() == before
    for pid in started:
        assert not Path(f"/proc/{pid}").exists()


def test_no_descriptor_is_held_for_a_finished_program(executor: Executor) -> None:
    jobs = [[Job(p, f"{'x' * (i % 2)}=1  # {i}") for p in (ADD, SUM) for i in range(r, r + 20)] for r in (0, 20, 40)]
    executor.run(jobs[0])
    counts = []
    for batch in jobs[1:]:
        executor.run(batch)
        counts.append(len(descriptors()))
    assert max(counts) - min(counts) <= 8  # children forked ahead


def test_the_shared_executor_survives_a_fork() -> None:
    executor = shared_executor()
    assert executor is shared_executor()
    assert outcome(executor, ADD, "def f(a, b): return a + b").verdict is Verdict.PASS
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = int(outcome(shared_executor(), ADD, "def f(a, b): return b + a").verdict is not Verdict.PASS)
            shared_executor().close()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert outcome(executor, ADD, "def f(a, b): return -(-a - b)").verdict is Verdict.PASS
    executor.close()


def test_an_executor_is_copied_as_itself_and_pickled_by_its_settings() -> None:
    executor = Executor(workers=3, tracer="probes", seed=5)
    assert copy.deepcopy(executor) is executor
    other = pickle.loads(pickle.dumps(executor))
    assert other is not executor and other.spec == executor.spec and other.seed == 5


def test_bad_settings_are_named() -> None:
    with pytest.raises(OptionError, match="fast"):
        Executor(tracer="fastt")
    with pytest.raises(OptionError, match="landlock"):
        Executor(layers=["landlok"])
    with pytest.raises(OptionError, match="worker"):
        Executor(workers=0)
    with pytest.raises(OptionError, match="interpreter"):
        Executor(python="/nowhere/python")


def test_too_few_layers_are_refused() -> None:
    executor = Executor(workers=1, layers=["process"], min_layers=2)
    with pytest.raises(IsolationError, match="layer 2"):
        executor.run([Job(ADD, "x = 1")])


def test_the_report_names_every_layer(executor: Executor) -> None:
    report = executor.report()
    assert [layer["number"] for layer in report["layers"]] == [1, 2, 3, 4, 5]
    assert all(layer["on"] or layer["why"] for layer in report["layers"])
    found = outcome(executor, ADD, "def f(a, b): return a + b")
    assert found.level == report["level"]


@pytest.mark.parametrize("layers", [["process"], ["process", "namespaces"], ["process", "seccomp", "landlock"]])
def test_survivors_are_killed_with_fewer_layers_too(layers: list[str], tmp_path: Path) -> None:
    fork = "import os, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: time.sleep(30)\n  os._exit(0)\n"
    with Executor(workers=2, layers=layers, cache=False) as executor:
        jobs = [Job(ADD, f"{fork}def f(a, b): return a + b  # {i}") for i in range(3)]
        found = executor.run([*jobs, Job(ADD, "def f(a, b): return a + b")])
        assert found[-1].verdict is Verdict.PASS
        assert all(one.verdict in (Verdict.PASS, Verdict.POLICY) for one in found)
        assert executor._engine is not None
        roots = [zygote.process.pid for zygote in executor._engine.zygotes.every()]
        deadline = time.monotonic() + 10
        while sleepers(roots) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert sleepers(roots) == 0


def sleepers(roots: list[int]) -> int:
    """Number of grandchildren of programs: processes in a session of their own below the zygotes."""
    lines = subprocess.run(["ps", "-eo", "pid=,ppid=,sid="], capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    rows = [tuple(map(int, line.split())) for line in lines if line.strip()]
    below = set(roots)
    while more := {pid for pid, parent, _ in rows if parent in below} - below:
        below |= more
    return sum(1 for pid, _, session in rows if pid in below and session not in roots)


def test_programs_run_under_another_interpreter() -> None:
    places = sorted(Path.home().glob(".pyenv/versions/3.1[23]*/bin/python"))
    if not places:
        pytest.skip("no newer interpreter is installed")
    for place in places:
        with Executor(workers=1, python=str(place)) as executor:
            problem = Problem("t/new", "", "f", hidden_tests=(CallTest((2,), 4), CallTest((0,), 0)), limits=SHORT)
            program = "type Number = int\ndef f(x: Number):\n  if x:\n    return x * 2\n  return x"
            found = executor.run([Job(problem, program, coverage=True), Job(ADD, "import os\nos.fork()")])
            assert found[0].verdict is Verdict.PASS, found[0].message
            assert found[0].statements == found[0].executed is not None
            assert found[0].tests[0].executed != found[0].tests[1].executed
            assert found[1].verdict is Verdict.POLICY
            assert f"python={place.parent.parent.name}" in executor.spec


def test_tests_kinds_can_be_mixed(executor: Executor) -> None:
    tests: tuple[Test, ...] = (StdioTest("", "main"), CallTest((1,), 1), CallTest((1,), 1, fresh=True))
    problem = Problem("t/mixed", "", "f", hidden_tests=tests, limits=SHORT)
    program = "def f(x): return x\nif __name__ == '__main__': print('main')"
    assert [test.verdict for test in outcome(executor, problem, program).tests] == [Verdict.PASS] * 3


@pytest.mark.parametrize(("late", "counted"), [(0.1, 0.0), (60.0, 60.0)])
def test_time_in_which_nobody_ran_is_not_counted(late: float, counted: float) -> None:
    """As where a laptop sleeps: the clocks of what runs are put forward by what the loop was late."""
    engine = Engine(1, lambda profile, _: ZygoteServer(profile, sys.executable, ()))
    run = Active(Run(b"", 1.0, 1 << 16, "plain"), lambda end: None, started=100.0)
    talk = Talk(Dialogue([], 1.0, "plain", "key"), lambda verdicts: None, started=200.0)
    engine._actives[object()] = run  # type: ignore[index]
    engine._referees._busy.append(talk)
    engine._make_up(late)
    assert (run.started, run.killed_at, talk.started) == (100.0 + counted, None, 200.0 + counted)
