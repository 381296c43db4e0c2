"""Samples of one prompt by llama.cpp for `codegym bench generation`; a plain script for its own environment."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import xllamacpp


def main(spec: dict[str, Any]) -> dict[str, float]:
    """Draw `batch` samples at the same time; returns tokens a second, and a processor's second."""
    params = xllamacpp.CommonParams()
    params.model.path = spec["model"]
    params.n_parallel = spec["batch"]
    params.n_ctx = spec["batch"] * (2 * len(spec["text"]) + spec["max_tokens"])
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = spec["threads"]
    params.n_gpu_layers = 0
    params.verbosity = -1
    server = xllamacpp.Server(params)

    def sample(seed: int, tokens: int = spec["max_tokens"]) -> int:
        answer = server.handle_completions(
            {
                "prompt": spec["text"], "max_tokens": tokens, "n_predict": tokens, "ignore_eos": True,
                "temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": seed,
            }
        )  # fmt: skip
        answer = json.loads(answer) if isinstance(answer, str | bytes) else answer
        return int(answer["usage"]["completion_tokens"])

    sample(0, 2)
    begun, processor = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(spec["batch"]) as pool:
        tokens = sum(pool.map(sample, range(spec["batch"])))
    return {
        "tokens_per_second": tokens / (time.perf_counter() - begun),
        "tokens_per_processor_second": tokens / (time.process_time() - processor),
    }


if __name__ == "__main__":
    print("\n" + json.dumps(main(json.loads(sys.argv[1]))))
