"""Limits of time: processor time decides, the reference scales it, load does not change a verdict."""

import multiprocessing
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Verdict
from codegym.envs.execution.timing import Clock, allowed, crowd, enforce, first_clock, next_clock
from codegym.envs.execution.waiting import waited
from codegym.envs.execution.work import Ended
from codegym.envs.problems.problem import CallTest, Limits, Problem

LIMITS = Limits(seconds=1.0, reference_factor=4.0, most_seconds=10.0)
BURN = """import time
def f(x):
    end = time.process_time() + {seconds}
    while time.process_time() < end: pass
    return x"""


def test_the_limit_is_the_reference_times_a_factor_between_floor_and_cap() -> None:
    assert [allowed(LIMITS, reference) for reference in (0.0, 0.2, 0.5, 2.0, 50.0)] == [1.0, 1.0, 2.0, 8.0, 10.0]
    assert allowed(replace(LIMITS, seconds=20.0), 50.0) == 20.0  # a floor above the cap is still granted


def test_a_program_that_had_its_time_is_not_looked_at_again() -> None:
    clock = first_clock(LIMITS)
    assert next_clock(clock, LIMITS, 0.1, [Ended(timed_out=True, seconds=1.0, cpu=0.99)], 9.0) is None
    assert next_clock(clock, LIMITS, 0.1, [Ended(timed_out=True, seconds=1.0, cpu=0.001)], 0.9) is None  # it slept


def test_a_program_that_waited_gets_wall_time_in_proportion() -> None:
    clock = next_clock(first_clock(LIMITS), LIMITS, 0.1, [Ended(timed_out=True, seconds=1.0, cpu=0.25)], 10.0)
    assert clock == Clock(seconds=1.0, wall=8.0)
    further = next_clock(clock, LIMITS, 0.1, [Ended(timed_out=True, seconds=8.0, cpu=0.8)], 10.0)
    assert further == Clock(seconds=1.0, wall=20.0)


def test_where_the_reference_is_quick_an_endless_program_is_not_run_twice() -> None:
    endless = Ended(timed_out=True, seconds=1.0, cpu=0.8)
    assert next_clock(first_clock(LIMITS), LIMITS, 0.001, [endless], 1.0) is None
    for reference in (0.1, 0.0):  # not so quick; unknown
        assert next_clock(first_clock(LIMITS), LIMITS, reference, [endless], 1.0) == Clock(1.0, 2.5)


def test_a_slow_reference_grants_more() -> None:
    end = Ended(timed_out=True, seconds=1.0, cpu=1.0)
    assert next_clock(first_clock(LIMITS), LIMITS, 1.5, [end], 1.0) == Clock(6.0, 6.0)


def test_on_a_calm_machine_a_program_that_sleeps_gains_little() -> None:
    sleeper = Ended(timed_out=True, seconds=1.0, cpu=0.03)
    clock = next_clock(first_clock(LIMITS), LIMITS, 0.1, [sleeper], 0.5)
    assert clock == Clock(seconds=1.0, wall=4.0)
    assert next_clock(clock, LIMITS, 0.1, [Ended(timed_out=True, seconds=4.0, cpu=0.1)], 0.5) is None
    assert next_clock(clock, LIMITS, 0.1, [Ended(timed_out=True, seconds=4.0, cpu=0.1)], 50.0) == Clock(1.0, 40.0)
    assert crowd() >= 0


def test_on_a_busy_machine_a_program_that_hardly_ran_may_not_have_slept() -> None:
    clock = next_clock(first_clock(LIMITS), LIMITS, 0.1, [Ended(timed_out=True, seconds=1.0, cpu=0.004)], 9.0)
    assert clock == Clock(seconds=1.0, wall=18.0)
    assert next_clock(clock, LIMITS, 0.1, [Ended(timed_out=True, seconds=18.0, cpu=0.01)], 9.0) is None


def test_load_gives_a_program_that_sleeps_no_more_than_a_calm_machine_does() -> None:
    """Where the kernel says how long it wanted a core and had none."""
    asleep = Ended(timed_out=True, seconds=1.0, cpu=0.004, waited=0.01)
    assert next_clock(first_clock(LIMITS), LIMITS, 0.1, [asleep], 50.0) is None
    drowsy = Ended(timed_out=True, seconds=1.0, cpu=0.01, waited=0.2)
    clock = next_clock(first_clock(LIMITS), LIMITS, 0.1, [drowsy], 50.0)
    assert clock == Clock(1.0, 5.0)
    assert next_clock(clock, LIMITS, 0.1, [Ended(timed_out=True, seconds=5.0, cpu=0.1, waited=0.5)], 50.0) is None
    starved = Ended(timed_out=True, seconds=1.0, cpu=0.0, waited=0.999)  # though the load average has not risen yet
    assert next_clock(first_clock(LIMITS), LIMITS, 0.1, [starved], 0.0) == Clock(1.0, 40.0)


def test_what_used_more_than_its_time_behind_a_stretched_wall_is_stopped_all_the_same() -> None:
    end = Ended(frames=[b'["statements",[]]', b'["value",1]'], seconds=5.0, cpu=1.5)
    enforce(Clock(1.0, 8.0), end)
    assert end.timed_out and end.frames == [b'["statements",[]]']
    in_time = Ended(frames=[b'["value",1]'], seconds=5.0, cpu=0.9)
    enforce(Clock(1.0, 8.0), in_time)
    assert not in_time.timed_out and in_time.frames


def _burn(until: float) -> None:
    while time.monotonic() < until:
        pass


@pytest.fixture
def busy_machine():
    """Four times as many busy processes as cores, for at most half a minute."""
    context = multiprocessing.get_context("spawn")
    until = time.monotonic() + 30
    burners = [context.Process(target=_burn, args=(until,), daemon=True) for _ in range(8)]
    for burner in burners:
        burner.start()
    time.sleep(1.0)
    yield
    for burner in burners:
        burner.kill()
        burner.join()


def _problem(limits: Limits, reference: str = "def f(x): return x") -> Problem:
    return Problem("t/1", "", "f", references=(reference,), hidden_tests=(CallTest((1,), 1),), limits=limits)


def test_load_changes_no_verdict(busy_machine: None) -> None:
    problem = _problem(replace(LIMITS, most_seconds=1.0))
    programs = [BURN.format(seconds=0.5), BURN.format(seconds=5)]
    with Executor(workers=2, cache=False) as executor:
        found = executor.run([Job(problem, program) for program in programs])
    assert [outcome.verdict for outcome in found] == [Verdict.PASS, Verdict.TIMEOUT], found


def test_on_a_busy_machine_a_program_that_sleeps_is_stopped_as_on_a_calm_one(busy_machine: None) -> None:
    """Right answers, but six times as late as they may be: eight processes that want a core do not excuse it."""
    if waited(os.getpid()) is None:
        pytest.skip("this kernel does not count")
    problem = _problem(replace(LIMITS, most_seconds=1.0))
    late = "import time\ndef f(x):\n    for _ in range(6): time.sleep(1)\n    return x"
    with Executor(workers=2, cache=False) as executor:
        (found,) = executor.run([Job(problem, late)])
    assert found.verdict is Verdict.TIMEOUT, found


def test_the_kernel_says_how_long_a_process_wanted_a_core() -> None:
    codes = ["while True: pass"] * 3 + ["import time; time.sleep(60)"]
    started = [subprocess.Popen([sys.executable, "-c", code]) for code in codes]
    core = {min(os.sched_getaffinity(0))}
    for process in started:
        os.sched_setaffinity(process.pid, core)
    time.sleep(3.0)
    burning, asleep = waited(started[0].pid), waited(started[-1].pid)
    for process in started:
        process.kill()
        process.wait()
    assert waited(started[0].pid) is None
    if burning is None or asleep is None:
        pytest.skip("this kernel does not count")
    assert burning > 0.3 and burning > 2 * asleep


def test_programs_get_as_long_as_their_reference_needs() -> None:
    limits = Limits(seconds=0.2, reference_factor=4.0, most_seconds=2.0)
    problem = _problem(limits, BURN.format(seconds=0.2))
    with Executor(workers=2, cache=False) as executor:
        found = executor.run([Job(problem, BURN.format(seconds=s)) for s in (0.1, 0.4, 3)])
    assert [outcome.verdict for outcome in found] == [Verdict.PASS, Verdict.PASS, Verdict.TIMEOUT], found
