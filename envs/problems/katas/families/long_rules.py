"""Seven rules for each of many numbers, eight conditionals: the far end of the tier `branches`."""

from __future__ import annotations

from codegym.envs.problems.katas.families.rules import loop_family

FAMILIES = (loop_family("loop-7", lambda draws: 7, 130, (80, 10, 10)),)
