"""Zygotes that a quick command starts before it has imported the executor: taken, or ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from codegym.envs.execution import early

_TAKEN = """
import json, os
import pytest

from codegym.envs.execution import early
early.begin()
begun = [zygote.process.pid for zygote in early._begun]
from codegym.envs.execution.executor import Executor
{executor}
from codegym.envs.execution.outcome import Job
from codegym.envs.problems.problem import CallTest, Problem
problem = Problem("t/1", "", "f", hidden_tests=(CallTest((1,), 2),))
with executor:
    (outcome,) = executor.run([Job(problem, "def f(x): return x + 1")])
    used = sorted(zygote.process.pid for zygote in executor._engine.zygotes.every())
print(json.dumps([str(outcome.verdict), begun, used, [zygote.process.pid for zygote in early._begun]]))
"""


def _run(executor: str) -> list:
    code = _TAKEN.format(executor=executor)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_default_executor_takes_what_was_started():
    verdict, begun, used, left = _run("executor = Executor()")
    assert verdict == "PASS" and begun and used == sorted(begun) and left == []


def test_an_executor_that_asks_for_something_else_does_not():
    verdict, begun, used, left = _run("executor = Executor(layers=['process'])")
    assert verdict == "PASS" and left == begun and not {*used} & {*begun}


def test_what_nobody_takes_ends_with_the_process_and_a_forked_child_leaves_it_alone():
    code = """
import os
import pytest

from codegym.envs.execution import early
early.begin()
print(*[zygote.process.pid for zygote in early._begun], flush=True)
if os.fork() == 0:
    early._close()
    mine = early.zygote(*early._begun[0].started_as)
    mine.close()
    os._exit(mine in early._begun)
assert os.wait()[1] == 0
assert all(zygote.process.poll() is None for zygote in early._begun)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()
    for pid in done.stdout.split():
        assert not Path("/proc", pid).exists()


def test_nothing_is_started_beside_an_executor(monkeypatch):
    monkeypatch.setattr(early, "ZygoteServer", None)
    from codegym.envs.execution import executor  # which looks after its own

    early.begin()
    assert executor.Executor and not early._begun


def test_where_nothing_can_be_started_the_run_says_so(tmp_path):
    (tmp_path / "samples.jsonl").write_text('{"task_id": "HumanEval/0", "completion": "    return False"}\n')
    code = """
import subprocess
from codegym.envs.execution import server
def popen(*arguments, **options):
    raise OSError(11, "Resource temporarily unavailable")
server.subprocess.Popen = popen
from codegym.cli import main
raise SystemExit(main(["score", "samples.jsonl"]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    said = "codegym: The process that runs programs did not start: Resource temporarily unavailable.\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_the_others_end_where_one_does_not_start(monkeypatch):
    from codegym.envs.errors import InfrastructureError
    from codegym.envs.execution import executor
    from codegym.envs.execution.server import ZygoteServer

    started = []

    class Broken(ZygoteServer):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            started.append(self)
            if len(started) == 1:
                self.process.kill()

    monkeypatch.setattr(early, "ZygoteServer", Broken)
    with executor.Executor(workers=3) as found, pytest.raises(InfrastructureError, match="did not start"):
        found.report()
    assert [one.process.poll() is not None for one in started] == [True] * 3


def test_one_that_hangs_while_it_starts_is_told_of(monkeypatch):
    from codegym.envs.errors import InfrastructureError
    from codegym.envs.execution import executor
    from codegym.envs.execution.outcome import Job
    from codegym.envs.execution.server import ZygoteServer
    from codegym.envs.problems.problem import CallTest, Problem

    started = []

    class Hanging(ZygoteServer):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            started.append(self)
            if len(started) == 2:
                self.process.send_signal(signal.SIGSTOP)

    monkeypatch.setattr(early, "ZygoteServer", Hanging)
    problem = Problem("t/1", "", "f", hidden_tests=(CallTest((1,), 2),))
    slow = Job(problem, "import time\ntime.sleep(3)\ndef f(x): return x + 1")
    with executor.Executor(workers=2) as found:
        found.report()  # the first one serves
        (hangs,) = found._engine.zygotes._starting
        found._engine.zygotes._starting[hangs] = 0.0
        with pytest.raises(InfrastructureError, match="did not start"):
            found.run([slow])
    assert all(one.process.poll() is not None for one in started)
