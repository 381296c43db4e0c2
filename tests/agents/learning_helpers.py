"""Small real policies and rollouts for the tests of the learning core: random Llamas that write single tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from codegym.agents.agent import TokenTrace
from codegym.agents.learning.token_batch import TokenBatch
from codegym.envs.episode import Episode


def small_model(vocabulary: int = 8, *, hidden: int = 32, layers: int = 2, seed: int = 0, spread: float = 0.3):
    """A Llama with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=2,
        max_position_embeddings=128,
        initializer_range=spread,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(config).eval()


@torch.no_grad()
def sample(model, prompt: Sequence[int], length: int, seed: int, temperature: float = 1.0):
    """Ids and log-probabilities of one continuation, by the plainest loop there is."""
    generator = torch.Generator().manual_seed(seed)
    ids, logps = list(prompt), []
    for _ in range(length):
        logits = model(torch.tensor([ids])).logits[0, -1].float() / temperature
        logp = logits.log_softmax(-1)
        choice = int(torch.multinomial(logp.exp(), 1, generator=generator))
        ids.append(choice)
        logps.append(float(logp[choice]))
    return tuple(ids[len(prompt) :]), tuple(logps)


def episode(
    ids: Sequence[int],
    logps: Sequence[float] | None = None,
    *,
    prompt: Sequence[int] = (1,),
    reward: float = 0.0,
    problem: str = "toy/0",
    terminated: bool = True,
    program: str | None = None,
    spans=(),
    char_ends: Sequence[int] | None = None,
    start: str = "",
) -> Episode:
    """A Token episode of one trace per id; by default each id writes one character."""
    ends = tuple(char_ends or range(1, len(ids) + 1))
    logps = tuple(logps or (-1.0,) * len(ids))
    traces = tuple(
        TokenTrace((i,), (logp,), tuple(prompt) if k == 0 else (), (end,))
        for k, (i, logp, end) in enumerate(zip(ids, logps, ends, strict=True))
    )
    text = start + "x" * ends[-1] if program is None else program
    return Episode(
        env_id="codegym/Token-v0",
        env_kwargs={},
        problem=problem,
        start={"kind": "question", "text": start, "value": None},
        seed=0,
        sample=0,
        actions=tuple(ids),
        program=text,
        reward=reward,
        reward_terms={"ladder": reward},
        verdict="PASS" if reward > 0 else "WRONG",
        tests_passed=int(reward > 0),
        tests_total=1,
        credit_spans=tuple(spans) or ((0, len(text), 1.0),),
        terminated=terminated,
        truncated=not terminated,
        tokens=len(ids),
        trace=traces,
    )


def rollout(
    model,
    prompts: Sequence[Sequence[int]],
    reward: Callable[[Sequence[int], Sequence[int]], float],
    *,
    samples: int = 4,
    lengths: Sequence[int] = (3,),
    seed: int = 0,
    temperature: float = 1.0,
) -> list[Episode]:
    """Sampled episodes of the given lengths (in turn) from each prompt."""
    episodes = []
    for p, prompt in enumerate(prompts):
        for s in range(samples):
            length = lengths[(p * samples + s) % len(lengths)]
            ids, logps = sample(model, prompt, length, seed * 100_003 + p * 1009 + s, temperature)
            episodes.append(
                episode(
                    ids, logps, prompt=prompt, reward=reward(prompt, ids), problem="toy/" + "-".join(map(str, prompt))
                )
            )
    return episodes


def ragged_batch(model, *, seed: int = 0, prompts=((1,), (2, 3, 4), (5, 6)), samples: int = 3) -> TokenBatch:
    """A batch of ragged rows with sampled log-probabilities and rewards of both signs."""
    return TokenBatch.from_episodes(
        rollout(
            model,
            prompts,
            lambda p, ids: 1.0 if sum(ids) % 2 else -0.3,
            samples=samples,
            lengths=(3, 1, 5, 2),
            seed=seed,
        )
    )
