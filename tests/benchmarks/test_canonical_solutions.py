"""The table of canonical solutions: both isolation levels, resumed by file, and what is published belongs to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codegym.benchmarks.canonical_solutions import LEVELS, SETS, Options, main, page
from codegym.envs.errors import OptionError

PUBLISHED = Path(__file__).parents[2] / "benchmarks/results/sources"


def test_a_set_runs_at_both_levels_and_what_has_a_file_does_not_run_again(data_folder: Path, tmp_path: Path) -> None:
    options = Options(tmp_path, sets=("apps-dirs",))
    assert main(options) == 0
    files = {
        level: tmp_path / name
        for level, name in zip(LEVELS, ("apps-dirs.json", "apps-dirs-no-namespaces.json"), strict=True)
    }
    facts = {level: json.loads(file.read_text()) for level, file in files.items()}
    assert all((found["run"], found["passed"]) == (5, 5) for found in facts.values())
    assert facts["no-namespaces"]["level"] <= 3
    assert "| [5/5](apps-dirs.json) | [5/5](apps-dirs-no-namespaces.json) |" in (tmp_path / "README.md").read_text()
    files["all"].write_text(json.dumps({**facts["all"], "passed": 4}))
    assert main(options) == 0
    assert "[4/5](apps-dirs.json)" in (tmp_path / "README.md").read_text()


def test_an_unknown_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="Did you mean 'humaneval'"):
        main(Options(tmp_path, sets=("humanevla",)))


def test_the_published_table_is_that_of_the_published_files() -> None:
    found = {file.name: json.loads(file.read_text()) for file in PUBLISHED.glob("*.json")}
    assert (PUBLISHED / "README.md").read_text() == page(found)
    assert {name for name in SETS if f"{name}.json" in found or f"{name}-no-namespaces.json" in found} >= {"p3", "mbpp"}
