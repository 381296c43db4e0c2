"""codegym/Token-v0 and its preset codegym/TokenGrammar-v0: a program is written token by token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from codegym.envs.code_env import CodeEnv
from codegym.envs.mdp.state import MdpName


class TokenEnv(CodeEnv):
    """Write a program token by token; unit tests decide the reward.

    ## Description
    Each episode is one programming problem. The program begins with the given text (the signature, if every reference
    begins with it) and the environment appends what the agent's tokens spell. When the agent plays the
    end-of-sequence token, `env.unwrapped.eos_action`, the program is executed in a sandbox against the problem's tests.

    ## Action space
    `Discrete(V)`: an id of the tokenizer. The default tokenizer is a byte-level BPE of 512 tokens, so any text can be
    written. Special tokens other than end-of-sequence spell nothing. With `syntax_mask=True`, `action_masks()` rules
    out tokens after which no valid Python program can follow; a masked action is still legal.

    ## Observation space
    `observation="dict"`: `tokens` Box(0, V-1, (window,), int64), the last `window` tokens of prompt and text,
    right-padded with 0; `attention_mask` Box(0, 1, (window,), int8); `features` Box(-1, 1, (80,), float32).
    `"features"`: that Box alone. `"text"`: prompt and text as `CodeText(1048576)`. The features are listed in
    codegym.envs.features.

    ## Rewards
    0 until the program ends, then a function of the tests' outcome: `reward="ladder"` pays -1 if it does not compile,
    -0.6 if it fails while running, -0.3 if it answers wrongly and +1 if all tests pass. Others: "adaptive", "binary",
    "fraction", "fraction_bonus", "compile_blend", or any callable from an Outcome to a float. A `process_reward` (a
    callable from a View to a float) is joined by phi(R, r) = alpha R + (1 - alpha) mean(gamma^j r_j).

    ## Starting state
    `start="question"`: the given text alone. `start="curriculum"` or `codegym.CCCS(...)`: a part of the reference that
    shrinks as the agent succeeds. `reset(options=)` takes `problem` (uri), `start` (a fraction of the solution's
    lines, `{"conditional": k}` or `{"prefix": code}`), `state` and `split`.

    ## Episode end
    Terminated by the end-of-sequence token; truncated after `max_tokens` tokens. The program is executed either way.
    Bytes that are no UTF-8 count as a program that does not compile.

    ## Info
    Always `problem`, `start`, and `action_mask` (int8) up to 1,024 actions; with `dict` also `prompt_tokens_cut`. At
    the end also `is_success`, `verdict`, `tests_passed`, `tests_total`, `reward_terms`, `credit_spans`,
    `executed_lines`, `token_credit` (one weight per action), and `step_rewards` with a process reward.

    ## Arguments
    `problems="katas"` (a name, `kind:PATH`, a ProblemSet or a list of Problem), `split=None` (train where it exists),
    `tests="all"`, `start`, `reward`, `credit="coverage"` ("ochiai", None), `process_reward=None`,
    `process_weight=0.5`, `process_discount=1.0`, `process_reward_mode="last"` ("per_step"), `observation`,
    `tokenizer=None` (a path, a tokenizers or transformers tokenizer), `executor=None`, `max_tokens=256`,
    `window=512`, `syntax_mask=False`, `render_mode`.

    ## Version history
    * v0: initial version
    """

    process: ClassVar[MdpName] = "token"
    env_id: ClassVar[str] = "codegym/Token-v0"

    @property
    def eos_action(self) -> int:
        """The action that ends the program."""
        return self.settings.vocabulary.eos

    def action_masks(self) -> NDArray[np.bool_]:
        """[V] which tokens may be worth trying, in the form that sb3-contrib's MaskablePPO asks for."""
        self._current("action_masks")
        assert self._masks is not None
        return self._masks.of(0)


class TokenGrammarEnv(TokenEnv):
    """Token over 32 pieces of code and one-line arithmetic problems: the 60-second example for any RL library.

    ## Description
    As codegym/Token-v0, but an action appends a whole piece, such as `return a` on a line of its own or ` * 3`,
    and the problems are functions of two numbers with one operation. A random agent solves some of them, so there is
    something to learn from at once.

    ## Action space
    `Discrete(32)`; `env.unwrapped.eos_action` is 0.

    ## Observation space
    `observation="features"` by default: Box(-1, 1, (80,), float32), what an MlpPolicy reads. Others as
    codegym/Token-v0.

    ## Rewards
    As codegym/Token-v0: the ladder from -1 (does not compile) to +1 (all tests pass).

    ## Starting state
    The signature `def f(a, b):`.

    ## Episode end
    Terminated by action 0; truncated after 3 pieces. The program is executed either way.

    ## Arguments
    Those of codegym/Token-v0, with the defaults `problems="katas:one-operation"`, `tokenizer="grammar"`,
    `observation="features"`, `max_tokens=3`.

    ## Version history
    * v0: initial version
    """

    env_id: ClassVar[str] = "codegym/TokenGrammar-v0"
    defaults: ClassVar[Mapping[str, Any]] = {
        "problems": "katas:one-operation",
        "tokenizer": "grammar",
        "observation": "features",
        "max_tokens": 3,
    }
