"""What `pip install` puts on a machine: the wheel, installed into an empty folder, works without the checkout."""

from __future__ import annotations

import configparser
import fnmatch
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"codegym": "codegym", "envs": "codegym/envs", "agents": "codegym/agents", "benchmarks": "codegym/benchmarks"}

SMOKE = """
import sys
from importlib.resources import files
from pathlib import Path

import codegym
import gymnasium

assert Path(codegym.__file__).is_relative_to(sys.argv[1]), codegym.__file__
import codegym.envs.episode
assert Path(codegym.envs.episode.__file__).is_relative_to(sys.argv[1]), codegym.envs.episode.__file__

env = gymnasium.make("codegym:codegym/Line-v0", problems="humaneval")
problem = codegym.load_problems("humaneval")["humaneval/0"]
env.reset(seed=0, options={"problem": "humaneval/0"})
lines = problem.references[0][len(problem.given):].strip("\\n").split("\\n")
for action in [*lines, codegym.END]:
    _, reward, terminated, truncated, info = env.step(action)
assert terminated and not truncated and reward == 1.0 and info["verdict"] == "PASS", (reward, info)
env.close()

attacks = files("codegym.envs.execution.attacks")
assert any(entry.name.endswith(".json") for entry in attacks.iterdir()), "the attack corpus is missing"
from codegym.envs.vocabulary import load_vocabulary
assert load_vocabulary(None).size == 512
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources without the network."""
    copy = tmp_path_factory.mktemp("sources")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "results"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    out = tmp_path_factory.mktemp("wheel")
    pip("wheel", str(copy), "--no-deps", "--no-build-isolation", "--wheel-dir", str(out))
    (built,) = out.glob("*.whl")
    return built


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def package_files() -> dict[str, Path]:
    """Every file of the four folders that git would commit, by its name in the wheel."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *FOLDERS]
    if (ROOT / ".git").exists():
        names = subprocess.run(listing, capture_output=True, text=True, check=True, cwd=ROOT).stdout.splitlines()
    else:
        names = [str(p.relative_to(ROOT)) for f in FOLDERS for p in (ROOT / f).rglob("*") if p.is_file()]
    kept = [n for n in names if "__pycache__" not in n and not n.startswith("benchmarks/results/")]
    wheel_names = {name: FOLDERS[name.split("/")[0]] + name[name.index("/") :] for name in kept}
    return {wheel_names[name]: ROOT / name for name in kept if (ROOT / name).is_file()}


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else_importable(wheel):
    names = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    assert names == package_files().keys()
    assert {n.split("/")[0] for n in names} == {"codegym"}


def test_every_data_file_is_named_in_package_data():
    """The editable install finds any file; only this shows that the wheel will."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    patterns = [
        f"{package.replace('.', '/')}/{pattern.strip()}"
        for package, value in config["options.package_data"].items()
        for pattern in value.replace(",", "\n").split()
    ]
    data = [name for name in package_files() if not name.endswith(".py")]
    assert data, "the package has data files"
    assert [name for name in data if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)] == []


def test_an_installed_wheel_runs_in_an_empty_folder(wheel, tmp_path):
    target, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    pip("install", str(wheel), "--no-deps", "--no-index", "--target", str(target))
    environment = {**os.environ, "PYTHONPATH": str(target), "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-c", SMOKE, str(target)]
    run = subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert list(empty.iterdir()) == [], "nothing is left behind"
    shown = subprocess.run(
        [sys.executable, "-m", "codegym", "--version"], cwd=empty, env=environment, capture_output=True, text=True
    )
    assert shown.stdout.startswith("codegym ") and shown.returncode == 0
