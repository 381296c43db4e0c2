"""The options of a benchmark run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Let an agent write programs for a problem set in an environment, and report pass@k with confidence intervals.

    Agents: canonical (plays the reference), empty, random, lm:tiny, lm:smollm2, lm:PATH, best-of-16:lm:tiny,
    mcts:lm:tiny, module:function (called with a list of Views, returns a list of programs).

    A run that was killed goes on when the same command is given again.
    """

    env: str
    """Environment: codegym/Token-v0, codegym/Line-v0, codegym/Pseudocode-v0."""
    problems: str
    """Problem set: a name (humaneval, katas, mbpp) or kind:PATH."""
    agent: str
    """Who writes the programs."""
    out: Path
    """Run folder."""
    samples: int = 1
    """Programs per problem."""
    split: str | None = None
    """Split of the problem set; by default test where there is one, else everything."""
    tags: tuple[str, ...] = ()
    """Keep problems that carry one of these tags (katas: family names, tiny, lists, ...); none keeps all."""
    limit: int | None = None
    """Only the first so many problems."""
    seed: int = 0
    """Of everything that is random."""
    tests: Literal["all", "public"] = "all"
    """Which tests decide."""
    reward: str = "ladder"
    """Reward of the environment."""
    credit: Literal["coverage", "ochiai", "none"] = "coverage"
    """How statements share in the reward, for `show` and `report`; none is faster."""
    temperature: float | None = None
    """Language models: sampling temperature."""
    top_p: float | None = None
    """Language models: sample from the smallest set of tokens with this probability."""
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    """Language models: type of the weights; by default float32. bfloat16 is faster where the machine has products of
    it and the batch is large."""
    max_tokens: int | None = None
    """The most tokens of a program: the budget of Token-v0; elsewhere of what a language model samples."""
    max_lines: int | None = None
    """The most lines of a program in Line-v0."""
    max_steps: int | None = None
    """The most steps in Pseudocode-v0."""
    tokenizer: str | None = None
    """Tokenizer of Token-v0, a file, folder or name; by default the language model's own, else the shipped one."""
    observation: Literal["text", "dict", "features"] = "text"
    """Which observation agents that read observations get."""
    batch: int = 64
    """Episodes played side by side."""
    json: bool = False
    """Print the summary as JSON instead of a table."""
