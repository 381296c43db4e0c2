"""The speed benchmark runs every engine on the same programs, checks what they say, and names what is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codegym.benchmarks.speed import execution_peer
from codegym.benchmarks.speed.execution import measure
from codegym.benchmarks.speed.processor_time import descendants, processor_seconds
from codegym.benchmarks.speed.stress import footprint, soak
from codegym.cli import main


def test_the_ratio_is_of_programs_a_second_and_every_right_program_passes() -> None:
    found = measure(workers=2, rounds=1, copies=1, peers=(), noops=50)
    assert found["programs"] == 164 and found["failed"] == {"codegym": []}
    assert found["programs_per_second"]["codegym"] == round(found["rounds"]["codegym"][0], 1) > 0
    assert found["ratios"] == {} and found["engine_cpu_ms_noop"] > 0
    assert found["isolation"]["level"] >= 1


def test_processor_time_counts_children_living_and_reaped() -> None:
    spin = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\n{}"
    before = processor_seconds()
    subprocess.run([sys.executable, "-c", spin.format("")], check=True, stdout=subprocess.DEVNULL)
    with subprocess.Popen([sys.executable, "-c", spin.format("input()")], stdin=-1, stdout=-1) as living:
        assert living.stdout is not None and living.stdout.readline()
        assert living.pid in descendants(os.getpid())
        assert processor_seconds() - before >= 0.15  # the living one; the other was reaped by this process
        living.kill()


def test_a_soak_leaves_nothing() -> None:
    before = footprint()
    found = soak(300, workers=4, seconds=100.0)
    assert found["programs"] == 300 and found["wrong"] == 0 and found["restarts"] == 0
    assert found["after_last_batch"]["zombies"] == 0
    assert (found["after_close"]["processes"], found["after_close"]["descriptors"]) == (
        before["processes"],
        before["descriptors"],
    )


def test_the_calls_that_evalplus_gets_are_those_of_the_test() -> None:
    problem = {
        "prompt": "def f(x):\n", "canonical_solution": "    x.append(1)\n    return x\n", "entry_point": "f",
        "test": "def check(candidate):\n    assert candidate([0]) == [0, 1]\n    assert candidate([]) == [1]\n",
    }  # fmt: skip
    inputs, expected, seconds = execution_peer._recorded(problem)
    assert (inputs, expected) == ([([0],), ([],)], [[0, 1], [1]]) and len(seconds) == 2


@pytest.mark.parametrize("words", [["--peers", "huamn_eval"], ["--rounds", "0"]])
def test_bad_options_are_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "execution", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_coverage_overhead_is_measured_in_the_interpreter_that_is_named(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert main(["bench", "coverage", "--rounds", "1", "--json", str(out)]) == 0
    (row,) = json.loads(out.read_text())["interpreters"]
    assert row["python"] == sys.version.split()[0] and row["overhead"]["none"] == 1.0
    assert set(row["overhead"]) >= {"none", "fast", "probes"}
    assert main(["bench", "coverage", "--python", str(tmp_path / "python")]) == 2
