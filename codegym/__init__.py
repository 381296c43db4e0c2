"""codegym: code generation as Gymnasium environments, and agents that learn in them.

Importing this registers the environments (with gymnasium, as soon as that is imported) and is quick; every public name
is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

# In a bare checkout `envs/` stands beside this folder, not inside it: let `codegym.envs` find it there.
_root = Path(__file__).resolve().parent.parent
if not (Path(__file__).resolve().parent / "envs").is_dir() and (_root / "setup.cfg").is_file():
    __path__.append(str(_root))

__version__ = "0.1.0"

END = "<END>"
"""The action that ends an episode of codegym/Line-v0."""

_LAZY = {
    "CodegymError": "codegym.envs.errors",
    "OptionError": "codegym.envs.errors",
    "DataError": "codegym.envs.errors",
    "InfrastructureError": "codegym.envs.errors",
    "IsolationError": "codegym.envs.errors",
    "PromptTooLong": "codegym.envs.errors",
    "StateError": "codegym.envs.errors",
    "Episode": "codegym.envs.episode",
    "Executor": "codegym.envs.execution.executor",
    "Outcome": "codegym.envs.execution.outcome",
    "Verdict": "codegym.envs.execution.outcome",
    "Problem": "codegym.envs.problems.problem",
    "ProblemSet": "codegym.envs.problems.problem_set",
    "load_problems": "codegym.envs.problems.catalog",
    "CCCS": "codegym.envs.mdp.start_states",
    "score": "codegym.envs.score",
    "get_state": "codegym.envs.snapshots",
    "set_state": "codegym.envs.snapshots",
    "fork": "codegym.envs.snapshots",
}

__all__ = ["END", *sorted(_LAZY)]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(importlib.import_module(_LAZY[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'codegym' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


if TYPE_CHECKING:
    from codegym.envs.episode import Episode as Episode
    from codegym.envs.errors import CodegymError as CodegymError
    from codegym.envs.problems.catalog import load_problems as load_problems

try:
    from codegym.envs.registration import register_environments
except ModuleNotFoundError as error:  # while this package is being built
    if error.name != "codegym.envs.registration":
        raise
else:
    register_environments()
