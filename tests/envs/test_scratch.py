"""Scratch folders: gone with their process, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from codegym.envs.execution.scratch import Scratch

HOLD = "import sys, time; from codegym.envs.execution.scratch import Scratch; s = Scratch('codegym-test-');\
 (s.path / 'inner').mkdir(); print(s.path, flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def aged(path: Path) -> Path:
    os.utime(path, (0, 0))
    return path


def test_a_folder_goes_when_it_is_closed_or_forgotten() -> None:
    first, second = Scratch("codegym-test-"), Scratch("codegym-test-")
    paths = first.path, second.path
    assert all(path.is_dir() for path in paths)
    first.close()
    first.close()
    del second
    assert not any(path.exists() for path in paths)


def test_the_next_one_takes_away_what_a_killed_process_left_and_nothing_else() -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        path = aged(Path(process.stdout.readline().strip()))
    Scratch("codegym-test-").close()
    assert path.is_dir()  # its process lives
    process.send_signal(signal.SIGKILL)
    process.wait()
    young = Path(tempfile.mkdtemp(prefix="codegym-test-"))
    file = aged(Path(tempfile.mkstemp(prefix="codegym-test-")[1]))
    other = aged(Path(tempfile.mkdtemp(prefix="other-")))
    Scratch("codegym-test-").close()
    assert not path.exists()
    assert young.is_dir() and file.exists() and other.is_dir()


def test_a_forked_child_leaves_the_folder_to_its_parent() -> None:
    scratch = Scratch("codegym-test-")
    child = os.fork()
    if child == 0:
        scratch.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert scratch.path.is_dir()
    scratch.close()
