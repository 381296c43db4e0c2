"""The README's promises that a test can hold: its Python runs as printed, its commands and environments exist."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import gymnasium as gym
import pytest

import codegym  # noqa: F401  (registers the environments)
from codegym.cli import COMMANDS

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_of_python_runs_as_printed(number, capsys):
    block = BLOCKS[number].replace("env).learn(20_000)", "env, n_steps=64).learn(64)")  # one update, no good agent
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(block, f"README.md, block {number + 1}", "exec"), {"__name__": "readme"})
    promised = re.findall(r"^print\(.*\)  # (.+)$", block, re.MULTILINE)
    assert capsys.readouterr().out.splitlines()[: len(promised)] == promised


def test_every_command_named_exists():
    named = set(re.findall(r"codegym ((?:train |problems |bench )?[a-z]+)(?= |`|\n)", README))
    unknown = {name for name in named if name not in COMMANDS and name.split()[0] not in COMMANDS}
    assert len(named) >= 8 and not unknown - {"train", "problems", "bench"}


def test_every_environment_named_is_registered():
    named = set(re.findall(r"codegym/[A-Za-z]+-v\d+", README))
    assert len(named) >= 4 and named <= gym.registry.keys()


def test_no_placeholder_is_left():
    assert not re.search(r"@[A-Z]+@|TODO|FIXME", README)
