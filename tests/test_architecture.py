"""The house rules that no single file can hold: arrows between packages, light imports, no global randomness."""

from __future__ import annotations

import ast
import configparser
import dataclasses
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import codegym
from codegym.cli import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("codegym", "envs", "agents", "benchmarks")

# Arrows run from a higher number to a lower one, or stay within it.
HOUSE = {"codegym.envs": 0, "codegym.agents": 1, "codegym.benchmarks": 2, "codegym.commands": 3, "codegym.cli": 4}
SHELL = 5  # what stands in envs/ itself and is not named below
ENVS = {
    "codegym.envs.compiled": 0,
    "codegym.envs.errors": 0,
    "codegym.envs.files": 0,
    "codegym.envs.vocabulary": 0,
    "codegym.envs.problems": 1,
    "codegym.envs.execution": 2,
    "codegym.envs.rewards": 3,
    "codegym.envs.mdp": 4,
    "codegym.envs.curation": 3,
    "codegym.envs": SHELL,
}


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "results" not in path.parts and "__pycache__" not in path.parts:
                yield path


def module_name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[0] != "codegym":
        parts.insert(0, "codegym")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import in a file, those inside functions and TYPE_CHECKING blocks included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def place(name: str, layers: dict[str, int]) -> int | None:
    """The layer of the longest prefix of a dotted name."""
    parts = name.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((layers[prefix] for prefix in prefixes if prefix in layers), None)


def upward_imports(name: str, tree: ast.AST, layers: dict[str, int]) -> list[str]:
    own = place(name, layers)
    if own is None:
        return []
    found = ((line, target, place(target, layers)) for line, target in imported(tree))
    return [f"{name}:{line} imports {target}" for line, target, layer in found if layer is not None and layer > own]


@pytest.mark.parametrize("layers", [HOUSE, ENVS], ids=["house", "envs"])
def test_arrows_run_one_way(layers):
    assert [x for path in sources(*FOLDERS) for x in upward_imports(module_name(path), parse(path), layers)] == []


def test_the_arrow_check_sees_imports_inside_functions_and_of_packages():
    tree = ast.parse("def f():\n    from codegym.envs import score\n    from codegym.agents.search import mcts\n")
    assert len(upward_imports("codegym.envs.mdp.token", tree, ENVS)) == 1
    assert len(upward_imports("codegym.envs.mdp.token", tree, HOUSE)) == 1
    assert upward_imports("codegym.benchmarks.speed", tree, HOUSE) == []


def test_imports_are_absolute_and_under_the_one_name():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(*FOLDERS, "tests")
        for line, name in imported(parse(path))
        if name.startswith(".") or name.split(".")[0] in ("envs", "agents", "benchmarks")
    ]
    assert wrong == []


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(run.stdout))


def test_importing_codegym_loads_nothing_heavier_than_gymnasium_and_numpy():
    added = modules_after("import codegym") - modules_after("import gymnasium, numpy")
    foreign = {name for name in added if name.split(".")[0] not in {*sys.stdlib_module_names, "codegym"}}
    assert foreign == set()
    assert not added & {"multiprocessing.pool", "asyncio", "unittest", "xml", "http.server", "tkinter"}


def test_importing_codegym_loads_no_layer_that_is_not_used_yet():
    loaded = {name for name in modules_after("import codegym") if name.startswith("codegym.")}
    heavy = ("codegym.agents", "codegym.benchmarks", "codegym.commands", "codegym.envs.execution.executor")
    assert [name for name in loaded if name.startswith(heavy)] == []


@pytest.mark.parametrize("name", codegym.__all__)
def test_every_public_name_resolves_and_is_documented(name):
    value = getattr(codegym, name)
    assert name == "END" or value.__doc__, f"codegym.{name} has no docstring"
    assert name in dir(codegym)


def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = codegym.no_such_name


def setup_cfg() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config


def test_setup_cfg_lists_exactly_the_packages_of_the_tree():
    listed = setup_cfg()["options"]["packages"].split()
    folders = {path.parent for path in sources(*FOLDERS)}
    assert sorted(listed) == sorted(module_name(folder / "__init__.py") for folder in folders)
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_module_with_documented_options_and_a_main(name):
    module = importlib.import_module("codegym.commands." + name.replace(" ", "_"))
    assert module.__doc__ and dataclasses.is_dataclass(module.Options) and callable(module.main)
    assert module.Options.__doc__ and not module.Options.__doc__.startswith("Options(")


def test_every_command_module_is_a_command():
    modules = {path.stem for path in (ROOT / "codegym" / "commands").glob("*.py")} - {"__init__"}
    assert modules == {name.replace(" ", "_") for name in COMMANDS}


# What draws from, or seeds, a generator that the whole process shares.
NUMPY_OWN = {"default_rng", "Generator", "SeedSequence", "BitGenerator", "PCG64", "Philox", "RandomState", "get_state"}
RANDOM_OWN = {"Random", "SystemRandom", "getstate"}
TORCH_GLOBAL = {"manual_seed", "seed", "cuda.manual_seed", "cuda.manual_seed_all", "random.manual_seed"}


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an attribute chain, "" for anything else."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else ""


def outside_forked_generators(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under `with torch.random.fork_rng(...)`, which gives the global generator back as it was."""
    stack = [tree]
    while stack:
        node = stack.pop()
        calls = [item.context_expr for item in node.items] if isinstance(node, ast.With) else []
        if not any(isinstance(call, ast.Call) and dotted(call.func) == "torch.random.fork_rng" for call in calls):
            yield node
            stack.extend(ast.iter_child_nodes(node))


def global_draws(tree: ast.AST) -> list[tuple[int, str]]:
    modules = {name for _, name in imported(tree)}
    found = []
    for node in outside_forked_generators(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "random":
            found += [(node.lineno, f"random.{a.name}") for a in node.names if a.name not in RANDOM_OWN]
        name = dotted(node) if isinstance(node, ast.Attribute) else ""
        head, _, tail = name.partition(".random.")
        if head in ("np", "numpy") and tail and "." not in tail and tail not in NUMPY_OWN:
            found.append((node.lineno, name))
        if "random" in modules and name.startswith("random.") and name.split(".")[1] not in RANDOM_OWN:
            found.append((node.lineno, name))
        if name.startswith("torch.") and name.removeprefix("torch.") in TORCH_GLOBAL:
            found.append((node.lineno, name))
    return found


# Each candidate's process owns its `random`: the job's seed is set there (DESIGN section 4).
MAY_SEED_GLOBALLY = {"random.seed", "numpy.random.seed"}


def test_nothing_draws_from_or_seeds_a_global_generator():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} uses {name}"
        for path in sources(*FOLDERS)
        for line, name in global_draws(parse(path))
        if not ("execution" in path.parts and name in MAY_SEED_GLOBALLY)
    ]
    assert wrong == []


def test_the_randomness_check_sees_what_it_should():
    code = "import random\nimport numpy as np\nrandom.Random(1)\nnp.random.default_rng(1)\nrandom.random()\n"
    code += "np.random.rand(3)\ntorch.manual_seed(1)\nfrom random import choice\n"
    code += "with torch.random.fork_rng():\n    torch.manual_seed(2)\n"
    names = [name for _, name in global_draws(ast.parse(code))]
    assert sorted(names) == ["np.random.rand", "random.choice", "random.random", "torch.manual_seed"]


CLOCKS = {"time.time", "time.monotonic", "time.perf_counter", "time.process_time", "perf_counter", "monotonic"}


def timed_asserts(tree: ast.Module) -> list[int]:
    """Lines of asserts that compare a clock reading, or a name that was computed from one."""

    def reads_clock(node: ast.AST, names: set[str]) -> bool:
        parts = list(ast.walk(node))
        return any(isinstance(p, ast.Call) and dotted(p.func) in CLOCKS for p in parts) or any(
            isinstance(p, ast.Name) and p.id in names for p in parts
        )

    lines = []
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        names: set[str] = set()
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and reads_clock(node.value, names):
                names |= {n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)}
        lines += [n.lineno for n in ast.walk(function) if isinstance(n, ast.Assert) and reads_clock(n.test, names)]
    return lines


def test_no_test_asserts_a_time():
    """A loaded machine is five times slower: what bounds a test's time is pytest-timeout."""
    wrong = [f"{path.relative_to(ROOT)}:{line}" for path in sources("tests") for line in timed_asserts(parse(path))]
    assert wrong == []


def test_the_clock_check_sees_what_it_should():
    code = "def f():\n    start = time.monotonic()\n    took = time.monotonic() - start\n    assert took < 1\n"
    code += "    assert len([1]) == 1\n"
    assert timed_asserts(ast.parse(code)) == [4]
