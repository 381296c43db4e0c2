"""Which precision each phase of training runs in: a probe of about a second decides, on the machine and model at hand.

bfloat16 is not faster everywhere: on a CPU it is several times as fast in the large products of an update and can be
slower in the small ones of decoding token by token. Weights, optimiser, value head and losses stay in float32.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from codegym.agents.learning.token_batch import TokenBatch
from codegym.envs.files import read_json, write_json

PHASES = ("rollout", "update")
NAMES = ("float32", "bfloat16")

WORTH_IT = 1.25
"""bfloat16 is taken where it is so many times as fast; below that its rounding is not worth it."""

SMALL = 20_000_000
"""Models of fewer parameters stay in float32 without a probe: their iterations take about as long as the probe."""

SECONDS = 0.25
"""Of each of the four measurements, at least one run each."""


@dataclass(frozen=True)
class Precision:
    """The precision of each phase: "float32" or "bfloat16"."""

    rollout: str = "float32"
    update: str = "float32"

    @property
    def exact(self) -> bool:
        """Whether sampled and re-scored log-probabilities agree to float32's tolerance."""
        return (self.rollout, self.update) == ("float32", "float32")

    def during(self, phase: str, device: torch.device) -> contextlib.AbstractContextManager[Any]:
        """A context in which the model's products run in the precision of a phase."""
        if getattr(self, phase) == "float32":
            return contextlib.nullcontext()
        return torch.autocast(device.type, dtype=torch.bfloat16)


def precision_of(run: Path, asked: str, model: Any, *, first: bool = True) -> Precision:
    """The precision of a run: as asked for, or what an earlier process of the run found, or what a probe finds now.

    Args:
        run: folder of the run; what a probe found is kept there, so that a resumed run goes on alike.
        asked: "auto", "float32" or "bfloat16".
        model: a causal language model with float32 weights.
        first: whether this process is the one that probes.
    """
    if asked != "auto":
        return Precision(asked, asked)
    if next(model.parameters()).dtype != torch.float32 or sum(p.numel() for p in model.parameters()) < SMALL:
        return Precision()
    path = run / "precision.json"
    if first and not path.exists():
        seconds = probe(model)
        write_json(path, {"chosen": asdict(chosen(seconds)), "seconds": seconds})
    return Precision(**read_json(path)["chosen"]) if path.exists() else Precision()


def chosen(seconds: Mapping[str, Mapping[str, float]]) -> Precision:
    """The precision of each phase, from the seconds that it took in each."""
    return Precision(
        **{
            phase: "bfloat16" if times["float32"] >= WORTH_IT * times["bfloat16"] else "float32"
            for phase, times in seconds.items()
        }
    )


def probe(model: Any) -> dict[str, dict[str, float]]:
    """Seconds of a few tokens of decoding, and of one forward and backward pass, in each precision.

    Args:
        model: a causal language model; its gradients are lost.
    """
    from codegym.agents.language_model.generate import Request, generate
    from codegym.agents.language_model.sampling import Sampling
    from codegym.agents.language_model.sft import completion_loss

    device = next(model.parameters()).device
    rows, length = (4, 32) if device.type == "cpu" else (16, 256)
    ids = tuple(range(1, length // 2 + 1))
    batch = TokenBatch.from_examples([(ids, ids)] * rows)
    requests = [Request(ids, (0, row), 4) for row in range(rows)]

    def rollout() -> None:
        generate(model, requests, token_bytes=(), end_ids=(), sampling=Sampling())

    def update() -> None:
        completion_loss(model, batch).backward()  # type: ignore[no-untyped-call]
        model.zero_grad(set_to_none=True)

    seconds: dict[str, dict[str, float]] = {}
    for phase, work in zip(PHASES, (rollout, update), strict=True):
        seconds[phase] = {}
        for name in NAMES:
            with Precision(name, name).during(phase, device):
                seconds[phase][name] = _fastest(work, device)
    return seconds


def _fastest(work: Callable[[], None], device: torch.device) -> float:
    """Seconds of the fastest run in about `SECONDS`; the first run, which sets things up, counts only if alone."""
    times: list[float] = []
    begun = time.perf_counter()
    while not times or time.perf_counter() - begun < SECONDS:
        before = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - before)
    return min(times)
