"""Virtual environments of the peers that we measure ourselves against: made once, in the cache, each for one peer."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from codegym.agents.language_model.cached import cached
from codegym.envs.errors import InfrastructureError

SHARED = ("torch", "transformers")
"""Packages that a peer gets in the very version that we run on, so that only the peer differs."""


def peer_python(name: str, requirements: Sequence[str], *, shared: Sequence[str] = SHARED) -> Path:
    """The interpreter of a virtual environment that holds the requirements; made first if it is not in the cache.

    Args:
        name: of the peer, for people.
        requirements: as pip reads them, with exact versions.
        shared: packages to install in our own version.

    Raises:
        InfrastructureError: pip could not install them; the message ends with its last line.
    """
    wanted = [*(f"{package}=={version(package).partition('+')[0]}" for package in shared), *requirements]
    words = " ".join([sys.version.split()[0], *wanted])
    folder = cached(
        f"peer-{name}-{hashlib.sha256(words.encode()).hexdigest()[:12]}", lambda at: _make(name, at, wanted)
    )
    return folder / "bin" / "python"


def _make(name: str, folder: Path, wanted: Sequence[str]) -> None:
    print(f"codegym: making a virtual environment for {name} ({', '.join(wanted)}; only once)", file=sys.stderr)
    _run(name, [sys.executable, "-m", "venv", str(folder)])
    _run(name, [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *wanted])


def _run(name: str, command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise InfrastructureError(f"Cannot make the environment of {name}: {last}")
