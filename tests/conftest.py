"""Shared by all tests: one thread for torch, a cache folder that outlives a run, the folder of outside data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from nobody import nobody

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

ROOT = Path(__file__).resolve().parent.parent


def outside_data() -> Path | None:
    """The folder of third-party problem sets, or None on a machine that has none."""
    for place in (os.environ.get("CODEGYM_DATA"), ROOT.parent / "shared" / "data"):
        if place and Path(place).is_dir():
            return Path(place).resolve()
    return None


@pytest.fixture(scope="session")
def data_folder(monkeypatch_session: pytest.MonkeyPatch) -> Path:
    """The outside data, also as $CODEGYM_DATA; skips the test where there is none."""
    folder = outside_data()
    if folder is None:
        pytest.skip("needs the third-party problem sets: set CODEGYM_DATA to their folder")
    monkeypatch_session.setenv("CODEGYM_DATA", str(folder))
    return folder


@pytest.fixture(scope="session")
def monkeypatch_session():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="session")
def nobody_folder(tmp_path_factory) -> str:
    """A folder with a very small language model that knows nothing."""
    folder = tmp_path_factory.mktemp("nobody")
    nobody().save(folder)
    return str(folder)
