"""Registers the environments with gymnasium; imports none of them."""

from __future__ import annotations

from gymnasium.envs.registration import register, registry

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


def register_environments() -> None:
    """Register every environment that is not registered yet. Budgets are part of the state, so no TimeLimit."""
    for env_id, (entry_point, vector_entry_point) in ENVIRONMENTS.items():
        if env_id not in registry:
            register(env_id, entry_point, vector_entry_point=vector_entry_point, max_episode_steps=None)
