"""codegym/Pseudocode-v0: a program is planned in pseudocode, then written (O1-CODER)."""

from __future__ import annotations

from typing import ClassVar

from codegym.envs.code_env import CodeEnv
from codegym.envs.mdp.state import MdpName


class PseudocodeEnv(CodeEnv):
    """Plan a program in pseudocode step by step, then write it; unit tests decide the reward.

    ## Description
    Each episode is one programming problem, solved in reasoning steps (O1-CODER, section 3): `<Action 1>` defines the
    structure of the algorithm in pseudocode, `<Action 2>` refines a part of it, `<Action 3>` writes the code. The
    program is the last complete code fence of the `<Action 3>` step, the whole of it: nothing is joined to it.

    ## Action space
    `CodeText(16384)`: one step, which begins with `<Action 1>`, `<Action 2>` or `<Action 3>`.

    ## Observation space
    `observation="dict"`: `tokens` Box(0, V-1, (window,), int64), the last `window` tokens of prompt, given text and
    steps, right-padded with 0; `attention_mask` Box(0, 1, (window,), int8); `features` Box(-1, 1, (80,), float32);
    `phase` Discrete(4): the number of the last action, 0 before the first. `"features"`: that Box alone. `"text"`: the
    text as `CodeText(1048576)`. The features are listed in codegym.envs.observations.

    ## Rewards
    0 until the episode ends, then a function of the tests' outcome: `reward="ladder"` pays -1 if the program does not
    compile, -0.6 if it fails while running, -0.3 if it answers wrongly and +1 if all tests pass. Others: "adaptive",
    "binary", "fraction", "fraction_bonus", "compile_blend", or any callable from an Outcome to a float. A
    `process_reward` (a callable from a View to a float) is joined by
    phi(R, r) = alpha R + (1 - alpha) mean(gamma^j r_j).

    ## Starting state
    No step yet. `start` and `reset(options=)` as in codegym/Line-v0; the start's text is shown to the agent.

    ## Episode end
    Terminated by an `<Action 3>` step; also by a step without a known tag or an `<Action 3>` without a complete code
    fence, with verdict COMPILE. Truncated after `max_steps` steps without code, also COMPILE.

    ## Info
    Always `problem` and `start`; with `dict` also `prompt_tokens_cut`. At the end also `is_success`, `verdict`,
    `tests_passed`, `tests_total`, `reward_terms`, `credit_spans`, `executed_lines`, and `step_rewards` with a process
    reward.

    ## Arguments
    `problems="katas"` (a name, `kind:PATH`, a ProblemSet or a list of Problem), `split=None` (train where it exists),
    `tests="all"`, `start`, `reward`, `credit="coverage"` ("ochiai", None), `process_reward=None`,
    `process_weight=0.5`, `process_discount=1.0`, `process_reward_mode="last"` ("per_step"), `observation`,
    `tokenizer=None` (for `tokens` and `features`), `executor=None`, `max_steps=10`, `window=512`, `render_mode`.

    ## Version history
    * v0: initial version
    """

    process: ClassVar[MdpName] = "pseudocode"
    env_id: ClassVar[str] = "codegym/Pseudocode-v0"
