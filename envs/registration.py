"""Registers the environments with gymnasium; imports none of them, and not gymnasium either, which takes 0.2 s."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

ENVIRONMENTS = {
    "codegym/Token-v0": ("codegym.envs.token_env:TokenEnv", "codegym.envs.code_vector_env:TokenVectorEnv"),
    "codegym/Line-v0": ("codegym.envs.line_env:LineEnv", "codegym.envs.code_vector_env:LineVectorEnv"),
    "codegym/Pseudocode-v0": (
        "codegym.envs.pseudocode_env:PseudocodeEnv",
        "codegym.envs.code_vector_env:PseudocodeVectorEnv",
    ),
    "codegym/TokenGrammar-v0": (
        "codegym.envs.token_env:TokenGrammarEnv",
        "codegym.envs.code_vector_env:TokenGrammarVectorEnv",
    ),
}
"""Id -> entry points of the single and of the vector environment."""

_REGISTRY: Final = "gymnasium.envs.registration"


def register_environments() -> None:
    """Register every environment that is not registered yet: now, or when this process first imports gymnasium."""
    if _REGISTRY in sys.modules:
        _register()
    elif not any(isinstance(finder, _WaitForGymnasium) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WaitForGymnasium())


class _WaitForGymnasium:
    """Finds gymnasium's registry as everybody else would, and fills it once it has been executed."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != _REGISTRY:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_register(module: ModuleType) -> None:
            execute(module)
            _register()

        spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


def _register() -> None:
    from gymnasium.envs.registration import register, registry

    for env_id, (entry_point, vector_entry_point) in ENVIRONMENTS.items():
        if env_id not in registry:  # budgets are part of the state, so no TimeLimit
            register(env_id, entry_point, vector_entry_point=vector_entry_point, max_episode_steps=None)
