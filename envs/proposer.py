"""The Proposer protocol: candidate actions with prior probabilities, for search and for ProposalActions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from codegym.envs.mdp.state import Action, View


@runtime_checkable
class Proposer(Protocol):
    """Anything that can name k likely next actions for each of several unfinished programs."""

    def propose(self, views: Sequence[View], k: int) -> list[list[tuple[Action, float]]]:
        """Up to k distinct actions per view, each with a prior probability; priors of one view sum to at most 1."""
        ...
