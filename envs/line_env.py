"""codegym/Line-v0: a program is written line by line."""

from __future__ import annotations

from typing import ClassVar

from codegym.envs.code_env import CodeEnv
from codegym.envs.mdp.state import MdpName


class LineEnv(CodeEnv):
    r"""Write a program line by line; unit tests decide the reward.

    ## Description
    Each episode is one programming problem. The program begins with the given text (the signature and docstring, if
    every reference begins with them); each action appends a line. A line owns the newline before it, so neither an
    observation nor a program in progress ends in one. `codegym.END` ends the program, which is then executed in a
    sandbox against the problem's tests.

    ## Action space
    `CodeText(16384)`: one line of text without surrogates, or `codegym.END` ("<END>"). Newlines inside an action
    append, and count as, several lines.

    ## Observation space
    `observation="dict"`: `tokens` Box(0, V-1, (window,), int64), the last `window` tokens of prompt and text,
    right-padded with 0; `attention_mask` Box(0, 1, (window,), int8); `features` Box(-1, 1, (80,), float32).
    `"features"`: that Box alone. `"text"`: prompt and text as `CodeText(1048576)`. The features are listed in
    codegym.envs.observations.

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
    Terminated by `codegym.END`; truncated after `max_lines` lines. The program is executed either way.

    ## Info
    Always `problem` and `start`; with `dict` also `prompt_tokens_cut`. At the end also `is_success`, `verdict`,
    `tests_passed`, `tests_total`, `reward_terms`, `credit_spans`, `executed_lines`, and `step_rewards` with a process
    reward.

    ## Arguments
    `problems="katas"` (a name, `kind:PATH`, a ProblemSet or a list of Problem), `split=None` (train where it exists),
    `tests="all"`, `start`, `reward`, `credit="coverage"` ("ochiai", None), `process_reward=None`,
    `process_weight=0.5`, `process_discount=1.0`, `process_reward_mode="last"` ("per_step"), `observation`,
    `tokenizer=None` (for `tokens` and `features`), `executor=None`, `max_lines=1024`, `window=512`, `render_mode`.

    ## Version history
    * v0: initial version
    """

    process: ClassVar[MdpName] = "line"
    env_id: ClassVar[str] = "codegym/Line-v0"
