"""Tokens a second of our sampler beside transformers' `generate` and llama.cpp: n samples of one prompt at a time."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from codegym.benchmarks.speed.peer_environments import peer_python
from codegym.envs.errors import InfrastructureError, OptionError

LLAMA_CPP = ("xllamacpp==2026.10.11549", "numpy")


@dataclass(frozen=True)
class GenerationBenchmark:
    """What is run.

    Attributes:
        model: a name that `LanguageModel.load` knows; llama.cpp takes part where it is smollm2 or a GGUF file.
        batches: numbers of samples of the prompt that are drawn together.
        max_tokens: of every sample; nothing ends earlier.
        rounds: how often all take turns; the first is not counted where there are more.
        threads: of each.
        text: the prompt.
    """

    model: str = "smollm2"
    batches: tuple[int, ...] = (1, 8, 32)
    max_tokens: int = 64
    rounds: int = 3
    threads: int = 2
    text: str = 'def is_even(n):\n    """Return whether n is even.\n\n    >>> is_even(4)\n    True\n    """'


def bench_generation(
    benchmark: GenerationBenchmark, *, say: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Sample in turns.

    Returns:
        `tokens_per_second`: by engine and batch, median over the rounds. `ratios`: ours over each peer, by batch.
        `tokens_per_processor_second` and `processor_ratios`: the same by processor time, for a busy machine.
        Ours and transformers run the same float32 weights; llama.cpp runs the 4-bit file that they came from.

    Raises:
        OptionError: the benchmark makes no sense.
        InfrastructureError: llama.cpp cannot be installed or does not run.
    """
    import torch

    from codegym.agents.language_model.load import LanguageModel

    if (
        not benchmark.batches
        or min(benchmark.batches, default=0) < 1
        or benchmark.max_tokens < 2
        or benchmark.rounds < 1
    ):
        raise OptionError("bench generation needs positive batches, rounds, and at least 2 tokens.")
    torch.set_num_threads(benchmark.threads)
    gguf = _gguf(benchmark.model)
    python = peer_python("xllamacpp", LLAMA_CPP, shared=()) if gguf else None
    lm = LanguageModel.load(benchmark.model)
    prompt = tuple(lm.encode_prompt(benchmark.text))
    found: dict[str, dict[int, list[tuple[float, float]]]] = {}
    for number in range(benchmark.rounds):
        for batch in benchmark.batches:
            say(f"round {number + 1} of {benchmark.rounds}: {batch} samples")
            for name, work in (("ours", _ours), ("transformers", _transformers)):
                begun, processor = time.perf_counter(), time.process_time()
                work(lm, prompt, batch, benchmark.max_tokens)
                tokens = batch * benchmark.max_tokens
                rates = tokens / (time.perf_counter() - begun), tokens / (time.process_time() - processor)
                found.setdefault(name, {}).setdefault(batch, []).append(rates)
            if python is not None and gguf is not None:
                rates = _llama_cpp(python, gguf, benchmark, batch)
                found.setdefault("llama.cpp", {}).setdefault(batch, []).append(rates)
    by_clock, by_processor = (
        {
            name: {str(batch): round(median(r[kind] for r in values[1:] or values), 2) for batch, values in by.items()}
            for name, by in found.items()
        }
        for kind in (0, 1)
    )
    return {
        "ratios": _ratios(by_clock),
        "processor_ratios": _ratios(by_processor),
        "tokens_per_second": by_clock,
        "tokens_per_processor_second": by_processor,
        "benchmark": {**benchmark.__dict__, "prompt_tokens": len(prompt), "llama.cpp": LLAMA_CPP[0] if gguf else None},
    }


def _ratios(rates: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Ours over each peer, by batch."""
    return {
        peer: {batch: round(rates["ours"][batch] / value, 3) for batch, value in by_batch.items()}
        for peer, by_batch in rates.items()
        if peer != "ours"
    }


def _ours(lm: Any, prompt: tuple[int, ...], batch: int, length: int) -> None:
    from codegym.agents.language_model.generate import Request, generate
    from codegym.agents.language_model.sampling import Sampling

    requests = [Request(prompt, (0, sample), length) for sample in range(batch)]
    generate(lm.model, requests, token_bytes=lm.token_bytes, end_ids=(), sampling=Sampling())


def _transformers(lm: Any, prompt: tuple[int, ...], batch: int, length: int) -> None:
    import torch

    ids = torch.tensor([prompt], device=lm.device)
    with torch.inference_mode():
        lm.model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
            num_return_sequences=batch, max_new_tokens=length, min_new_tokens=length, pad_token_id=lm.eos_id,
        )  # fmt: skip


def _llama_cpp(python: Path, gguf: Path, benchmark: GenerationBenchmark, batch: int) -> tuple[float, float]:
    """Tokens a second, and a processor's second, of llama.cpp in a process of its own, after a first sample."""
    spec = {"model": str(gguf), "text": benchmark.text, "batch": batch}
    spec |= {"max_tokens": benchmark.max_tokens, "threads": benchmark.threads}
    command = [str(python), str(Path(__file__).with_name("generation_llama_cpp.py")), json.dumps(spec)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(benchmark.threads)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise InfrastructureError(f"llama.cpp failed: {(done.stderr.strip() or 'no output').splitlines()[-1]}")
    result = json.loads(done.stdout.strip().splitlines()[-1])
    return float(result["tokens_per_second"]), float(result["tokens_per_processor_second"])


def _gguf(model: str) -> Path | None:
    """The file that llama.cpp reads for a model, or None where there is none."""
    from codegym.agents.language_model import smollm2

    if model == "smollm2":
        return smollm2.gguf_file()[0]
    return Path(model) if model.endswith(".gguf") else None
