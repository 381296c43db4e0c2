"""vLLM as the sampler of a policy that is trained here: an engine in this process, given the weights when they changed.

Its kernels round differently from the trainer's, so its log-probabilities are not quite the policy's; train with
`--importance-cap`, which scores the tokens again and weighs each by policy over sampler.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from codegym.agents.language_model.generate import Generated, Request, context_length, generate
from codegym.agents.language_model.sampling import Sampling
from codegym.envs.errors import OptionError, PromptTooLong


class VLLMSampler:
    """Samples with vLLM; has the signature of `generate.generate`, which it takes for rows with healing.

    vLLM knows no stop rules of ours: rows are sampled to their end and cut where the rule says, which leaves the
    distribution of what is kept as it was.
    """

    def __init__(self, engine: Any, parameters: Callable[..., Any]) -> None:
        """Sample with an engine.

        Args:
            engine: a `vllm.LLM` of the model's architecture; `VLLMSampler.of` makes one.
            parameters: `vllm.SamplingParams`.
        """
        self._engine, self._parameters = engine, parameters
        self._version: tuple[int, ...] = ()

    @classmethod
    def of(cls, folder: Path, *, memory: float = 0.4, seed: int = 0) -> VLLMSampler:
        """An engine for the model in a folder.

        Args:
            folder: as `LanguageModel.save` writes it.
            memory: share of the accelerator's memory for vLLM; the trainer needs the rest.
            seed: of the engine; every row has a seed of its own.

        Raises:
            OptionError: vLLM is not installed.
        """
        cls.require()
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")  # the weights are handed over in this process
        from vllm import LLM, SamplingParams

        engine = LLM(
            model=str(folder),
            gpu_memory_utilization=memory,
            enable_prefix_caching=True,
            logprobs_mode="processed_logprobs",  # after the temperature
            seed=seed,
        )
        return cls(engine, SamplingParams)

    @staticmethod
    def require() -> None:
        """Raise an OptionError where vLLM is not installed."""
        if importlib.util.find_spec("vllm") is None:
            raise OptionError("--sampler vllm needs vLLM: pip install vllm (or codegym[vllm]).")

    def __call__(
        self,
        model: PreTrainedModel,
        requests: Sequence[Request],
        *,
        token_bytes: Sequence[bytes],
        end_ids: Collection[int],
        sampling: Sampling,
        deterministic: bool = False,
        watch: Callable[[int], None] | None = None,
        finished: Callable[[int, Generated], None] | None = None,
        value_head: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> list[Generated]:
        """Sample one continuation per request; see `generate.generate`. The engine gives no hidden states to value."""
        context = context_length(model)
        for index, request in enumerate(requests):
            if not 0 < len(request.prompt_ids) < context:
                raise PromptTooLong(
                    f"Prompt {index} has {len(request.prompt_ids)} tokens; the model reads 1 to {context - 1}."
                )
        healed = [row for row, request in enumerate(requests) if request.require or request.require_or_end]
        others = [row for row in range(len(requests)) if row not in set(healed)]
        ours = generate(
            model,
            [requests[row] for row in healed],
            token_bytes=token_bytes,
            end_ids=end_ids,
            sampling=sampling,
            deterministic=deterministic,
            watch=watch,
        )
        found = dict(zip(healed, ours, strict=True))
        if others:
            self._hand_over(model)
            answers = self._engine.generate(
                [{"prompt_token_ids": list(requests[row].prompt_ids)} for row in others],
                [self._asked(requests[row], context, end_ids, sampling, deterministic) for row in others],
                use_tqdm=False,
            )
            for row, answer in zip(others, answers, strict=True):
                found[row] = _cut(self._read(answer.outputs[0], requests[row], end_ids), requests[row], token_bytes)
                if watch is not None:
                    watch(len(found[row].ids))
        results = [found[row] for row in range(len(requests))]
        if finished is not None:
            for row, generated in enumerate(results):
                finished(row, generated)
        return results

    def _hand_over(self, model: PreTrainedModel) -> None:
        """Give the engine the model's weights where they changed since the last time."""
        version = tuple(parameter._version for parameter in model.parameters())
        if version == self._version:
            return
        worker = self._engine.llm_engine.model_executor.driver_worker
        worker.model_runner.model.load_weights([(name, p.data) for name, p in model.named_parameters()])
        self._engine.reset_prefix_cache()
        self._version = version

    def _asked(
        self, request: Request, context: int, end_ids: Collection[int], sampling: Sampling, deterministic: bool
    ) -> Any:
        seed = int(np.random.SeedSequence(list(request.seed)).generate_state(1, np.uint32)[0])
        return self._parameters(
            n=1,
            temperature=0.0 if deterministic else sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k or -1,
            seed=seed,
            max_tokens=min(request.max_tokens, context - len(request.prompt_ids)),
            stop_token_ids=sorted(end_ids),
            logprobs=0,
            detokenize=False,
        )

    @staticmethod
    def _read(output: Any, request: Request, end_ids: Collection[int]) -> Generated:
        ids = tuple(int(token) for token in output.token_ids)
        logps = tuple(float(chosen[token].logprob) for token, chosen in zip(ids, output.logprobs, strict=True))
        if ids[-1] in end_ids:
            return Generated(ids, logps, "eos")
        return Generated(ids, logps, "length" if len(ids) >= request.max_tokens else "context")


def _cut(generated: Generated, request: Request, token_bytes: Sequence[bytes]) -> Generated:
    """The continuation up to where the request's stop rule ends it."""
    if request.stop is None:
        return generated
    text = bytearray()
    for index, token in enumerate(generated.ids):
        if generated.stopped == "eos" and index == len(generated.ids) - 1:
            break
        seen = len(text)
        text += token_bytes[token]
        cut = request.stop(text, seen)
        if cut is not None:
            end = index + 1
            return replace(generated, ids=generated.ids[:end], logps=generated.logps[:end], stopped="stop", cut=cut)
    return generated
