"""StepCoder (Dou et al. 2024, arXiv 2402.01391): fine-tuning, then PPO with CCCS and FGO.

    1. Fine-tune the model; this is `before`, and the reference of the KL.
    2. Repeat:
       a. draw problems x with reference solutions y;
       b. CCCS: cut y before the conditional where the problem's present stage says; the model goes on from there, 8
          samples each;
       c. execute; the ladder reward: COMPILE -1, runtime errors -0.6, WRONG -0.3, PASS +1 (eq. 1);
       d. PPO over the tokens that the model wrote and that were executed (FGO), less beta KL to the reference (eq. 2);
       e. where the success rate at a problem's stage exceeds rho, begin its next episodes one stage earlier.

What is from where (none of the paper's code was released):

* Conditionals. Paper: "conditional statements", from the AST. Here: If, For, While, Try, Match, because with If alone a
  third of all solutions have none.
* Schedule. Paper: ceil(sqrt(E)) stages, stride ceil(E / stages). Here: the same (`CCCS`). Assumed: the printed
  `min(c - 1, 1)` is a misprint of max, and stage 0 gives nothing.
* Threshold. Paper: rho, unknown, of a moving average. Here: 0.5 over the last 16 rollouts of a stage.
* Progress. Paper: per sample. Here: per problem; per family and stage for procedural problems.
* Prefix. Paper: no gradient. Here: it is prompt, so no policy, value, KL or entropy term.
* FGO. Paper: executed tokens. Here: spans of executed statements; comments, docstrings and what did not run get no
  gradient. Assumed: of a program that does not compile every token is under suspicion.
* KL. Paper: in the objective, beta 0.05. Here: in the loss, under the same mask; in the reward it would leak into the
  returns of executed tokens.
* Rollouts. Paper: 16 per example, T 0.8, top-p 0.9. Here: 8, T 1, no top-p: probability ratios are then exact.
* Fine-tuning. Paper: 3 epochs, lr 2e-5. Here: lr 2e-5 for pretrained models; for tiny 600 steps at 3e-3 from nothing.
* PPO. Paper: lr 5e-7, critic 1.5e-6, for 6.7 B parameters. Here: 3e-4 for both, falling to 0, measured on tiny.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codegym.agents.language_model.load import LanguageModel
from codegym.agents.language_model.sft import Example, FineTuner, FineTuning
from codegym.agents.learning.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from codegym.agents.learning.progress import Progress
from codegym.agents.learning.train import train_ppo, training_problems
from codegym.agents.recipes.stepcoder_options import TrainStepCoderOptions
from codegym.agents.recipes.supervised_data import corpus_examples, reference_examples
from codegym.envs.execution.executor import Executor
from codegym.envs.mdp.start_states import CCCS

SAVE_EVERY = 50
"""Steps of the fine-tuning between checkpoints."""

SHOW_EVERY = 2.0
"""Seconds between lines of progress."""


def train_stepcoder(options: TrainStepCoderOptions, *, executor: Executor | None = None) -> dict[str, Any]:
    """Train a model by StepCoder's algorithm, and return what is in `summary.json`.

    Args:
        options: everything about the run; the same options on the same folder resume it.
        executor: runs the programs; by default the shared one.

    Raises:
        OptionError: bad options, or a folder that holds another run.
        TrainingError: NaN in training.
    """
    options.check()
    return train_ppo(
        options,
        executor=executor,
        kind="train stepcoder",
        load=lambda: untrained(options),
        prepare=lambda lm, folder, progress: fine_tuned(lm, folder, options, progress),
        curriculum=CCCS(options.rho, options.window) if options.curriculum else None,
        whole=options.whole,
    )


def untrained(options: TrainStepCoderOptions) -> LanguageModel:
    """The model before its fine-tuning: `tiny` with random weights, any other as it is."""
    from codegym.agents.language_model import tiny

    if options.model != "tiny" or options.fine_tuning_data == "none":
        return LanguageModel.load(options.model, device=options.device)
    tokenizer = tiny.tokenizer()
    recipe = tiny.Recipe("tiny", seed=options.seed)
    model = tiny.initial_model(recipe, len(tokenizer), tokenizer.eos_token_id).eval()
    lm = LanguageModel(model, tokenizer, "tiny", few_shot="", ends_itself=True)
    lm.model.to(options.device or LanguageModel.default_device())
    return lm


def fine_tuned(lm: LanguageModel, folder: Path, options: TrainStepCoderOptions, progress: Progress) -> None:
    """Fine-tune the model in place, or go on where a killed run stopped; the result is kept in `sft/`."""
    if options.fine_tuning_data == "none":
        return
    target = folder / "sft"
    examples = fine_tuning_examples(lm, options, progress)
    scratch = options.model == "tiny"
    recipe = FineTuning(
        steps=options.sft_steps,
        batch_size=options.sft_batch,
        learning_rate=options.sft_lr or (3e-3 if scratch else 2e-5),
        weight_decay=0.1 if scratch else 0.0,
        seed=options.seed,
    )
    tuner = FineTuner(lm.model, examples, recipe)
    checkpoint = load_checkpoint(target / "checkpoints", {})
    if checkpoint is not None:
        tuner.load_state(checkpoint.tensors)
        if tuner.step < recipe.steps:
            progress.message(f"resuming after step {tuner.step} of {recipe.steps} of the fine-tuning")
    begun, shown, first = time.perf_counter(), 0.0, tuner.step
    while tuner.step < recipe.steps:
        loss = tuner.advance()
        spent = time.perf_counter() - begun
        if spent - shown > SHOW_EVERY or tuner.step == recipe.steps:
            shown = spent
            left = spent / (tuner.step - first) * (recipe.steps - tuner.step)
            progress.phase(f"fine-tuning: step {tuner.step}/{recipe.steps}  loss {loss:.3f}  |  {left:.0f} s left")
        if tuner.step % SAVE_EVERY == 0 or tuner.step == recipe.steps:
            save_checkpoint(target / "checkpoints", Checkpoint(tuner.step, tuner.state(), {}, {"loss": loss}))
    if not (target / "model" / "codegym.json").exists():  # written last
        lm.save(target / "model")


def fine_tuning_examples(lm: LanguageModel, options: TrainStepCoderOptions, progress: Progress) -> Sequence[Example]:
    """What the options say is learned before PPO; examples that the context has no room for are left out, and said."""
    data = options.fine_tuning_data
    if data in ("tiny", "tiny-buggy"):
        return corpus_examples(lm, options.seed, options.sft_steps * options.sft_batch, buggy=data == "tiny-buggy")
    problems = training_problems(options)
    examples, left_out = reference_examples(lm, problems, options.seed, slips=options.sft_slips)
    if left_out:
        progress.message(f"warning: {left_out} of {left_out + len(examples)} references do not fit into the context")
    return examples
