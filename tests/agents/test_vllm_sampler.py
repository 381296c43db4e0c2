"""The vLLM sampler asks, reads and cuts as our own sampler does; the engine here is a model behind vLLM's interface."""

from __future__ import annotations

import types

import pytest
import torch
from learning_helpers import small_model

from codegym.agents.language_model.generate import Request, generate
from codegym.agents.language_model.sampling import Sampling
from codegym.agents.language_model.vllm_sampler import VLLMSampler
from codegym.envs.errors import OptionError, PromptTooLong

BYTES = [b"", b"a", b"b", b"\n", b"c", b"d", b"e", b"f"]
ENDS = (0,)


class Engine:
    """Greedy decoding of a transformers model, answering in vLLM's shapes."""

    def __init__(self, model):
        self.model, self.asked, self.loads, self.resets = model, [], 0, 0
        runner = types.SimpleNamespace(model=types.SimpleNamespace(load_weights=self.load))
        worker = types.SimpleNamespace(model_runner=runner)
        self.llm_engine = types.SimpleNamespace(model_executor=types.SimpleNamespace(driver_worker=worker))

    def load(self, weights):
        self.loads += 1
        self.model.load_state_dict(dict(weights), strict=False)

    def reset_prefix_cache(self):
        self.resets += 1

    def generate(self, prompts, parameters, *, use_tqdm):
        assert use_tqdm is False
        self.asked += parameters
        return [self._one(prompt["prompt_token_ids"], asked) for prompt, asked in zip(prompts, parameters, strict=True)]

    @torch.no_grad()
    def _one(self, prompt, asked):
        ids, logps = [], []
        while len(ids) < asked["max_tokens"] and (not ids or ids[-1] not in asked["stop_token_ids"]):
            logp = self.model(torch.tensor([[*prompt, *ids]])).logits[0, -1].log_softmax(-1)
            ids.append(int(logp.argmax()))
            logps.append({ids[-1]: types.SimpleNamespace(logprob=float(logp.max()))})
        return types.SimpleNamespace(outputs=[types.SimpleNamespace(token_ids=ids, logprobs=logps)])


def newline(text: bytearray, new: int) -> int | None:
    place = text.find(b"\n", new)
    return None if place < 0 else place


def test_it_gives_what_our_sampler_gives_row_by_row():
    policy = small_model(seed=3)
    sampler = VLLMSampler(Engine(small_model(seed=4)), dict)
    prompts = [(1,), (2, 3), (5, 6, 7), (4,), (6, 2)]
    requests = [
        Request(prompt, (7, row), 9, require=b"e" if row == 3 else b"", stop=newline if row % 2 == 0 else None)
        for row, prompt in enumerate(prompts)
    ]
    common = {"token_bytes": BYTES, "end_ids": ENDS, "sampling": Sampling(), "deterministic": True}
    expected = generate(policy, requests, **common)
    told: list[int] = []
    found = sampler(policy, requests, **common, watch=told.append)
    for one, other in zip(expected, found, strict=True):
        assert (one.ids, one.stopped, one.cut) == (other.ids, other.stopped, other.cut)
        assert one.logps == pytest.approx(other.logps, abs=1e-5)
    assert len({one.stopped for one in expected}) > 1
    assert sum(told) == sum(len(one.ids) for one in found)


def test_the_engine_is_given_the_weights_when_they_changed_and_only_then():
    policy, engine = small_model(seed=3), Engine(small_model(seed=4))
    sampler = VLLMSampler(engine, dict)
    common = {"token_bytes": BYTES, "end_ids": ENDS, "sampling": Sampling(), "deterministic": True}
    for _ in range(2):
        sampler(policy, [Request((1,), (0,), 3)], **common)
    assert (engine.loads, engine.resets) == (1, 1)
    optimizer = torch.optim.SGD(policy.parameters(), lr=0.1)
    policy(torch.tensor([[1, 2]])).logits.sum().backward()
    optimizer.step()
    sampler(policy, [Request((1,), (0,), 3)], **common)
    assert (engine.loads, engine.resets) == (2, 2)
    assert all(torch.equal(a, b) for a, b in zip(policy.parameters(), engine.model.parameters(), strict=True))


def test_each_row_is_asked_for_with_its_own_seed_and_budget():
    policy, engine = small_model(), Engine(small_model())
    sampler = VLLMSampler(engine, dict)
    requests = [Request((1,), (5, row), 2 + row) for row in range(3)]
    sampler(policy, requests, token_bytes=BYTES, end_ids=ENDS, sampling=Sampling(temperature=0.7, top_k=3))
    assert len({asked["seed"] for asked in engine.asked}) == 3
    assert [asked["max_tokens"] for asked in engine.asked] == [2, 3, 4]
    assert {(asked["temperature"], asked["top_k"], asked["logprobs"]) for asked in engine.asked} == {(0.7, 3, 0)}


def test_what_cannot_be_is_refused(tmp_path):
    sampler = VLLMSampler(Engine(small_model()), dict)
    with pytest.raises(PromptTooLong):
        sampler(small_model(), [Request((), (0,), 3)], token_bytes=BYTES, end_ids=ENDS, sampling=Sampling())
    with pytest.raises(OptionError, match="needs vLLM"):
        VLLMSampler.of(tmp_path)
