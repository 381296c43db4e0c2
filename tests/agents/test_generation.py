"""Sampling: what is stored is what was sampled, and no row depends on its neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from language_model_helpers import random_lm
from transformers import DynamicCache
from transformers.generation.logits_process import TopKLogitsWarper, TopPLogitsWarper

from codegym.agents.language_model.cache import in_place_cache
from codegym.agents.language_model.sampling import Sampling, choose, uniforms
from codegym.envs.errors import OptionError, PromptTooLong

PROMPTS = [[5, 9, 11], [7], [5, 9, 11, 40, 41, 42, 43, 44], [5, 9, 11], [300, 301]]


def plain_logps(lm, prompt, ids, temperature=1.0):
    """Log-probabilities by one forward pass over one unpadded row, without a cache."""
    row = torch.tensor([[*prompt, *ids]])
    with torch.inference_mode():
        logits = lm.model(input_ids=row, use_cache=False).logits[0, len(prompt) - 1 : -1]
    return torch.log_softmax(logits / temperature, -1).gather(-1, torch.tensor(ids).unsqueeze(-1)).squeeze(-1)


@pytest.mark.parametrize("temperature", [1.0, 0.6, 1.7])
def test_stored_log_probabilities_are_those_of_the_model(temperature):
    lm = random_lm()
    sampled = lm.generate(PROMPTS, n=3, max_tokens=12, seeds=range(5), sampling=Sampling(temperature))
    for prompt, samples in zip(PROMPTS, sampled, strict=True):
        for generated in samples:
            expected = plain_logps(lm, prompt, generated.ids, temperature)
            torch.testing.assert_close(torch.tensor(generated.logps), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_scoring_gives_the_stored_log_probabilities(temperature):
    lm = random_lm()
    sampled = [g[0] for g in lm.generate(PROMPTS, max_tokens=12, seeds=range(5), sampling=Sampling(temperature))]
    rows = [[*prompt, *generated.ids] for prompt, generated in zip(PROMPTS, sampled, strict=True)]
    scored = lm.score(rows, [len(prompt) for prompt in PROMPTS], temperature=temperature)
    for generated, logps in zip(sampled, scored, strict=True):
        torch.testing.assert_close(logps, torch.tensor(generated.logps), atol=1e-4, rtol=0)


def test_right_padding_gives_the_stored_log_probabilities():
    lm = random_lm()
    sampled = [g[0] for g in lm.generate(PROMPTS, max_tokens=12, seeds=range(5))]
    rows = [[*prompt, *generated.ids] for prompt, generated in zip(PROMPTS, sampled, strict=True)]
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    with torch.inference_mode():
        logps = torch.log_softmax(lm.model(input_ids=ids, attention_mask=mask, use_cache=False).logits, -1)
    for i, (prompt, generated) in enumerate(zip(PROMPTS, sampled, strict=True)):
        places = range(len(prompt), len(rows[i]))
        found = torch.stack([logps[i, at - 1, rows[i][at]] for at in places])
        torch.testing.assert_close(found, torch.tensor(generated.logps), atol=1e-4, rtol=0)


def test_a_row_does_not_depend_on_the_rest_of_the_batch():
    lm = random_lm()
    rng = np.random.default_rng(0)
    prompts = [rng.integers(1, 512, rng.integers(1, 20)).tolist() for _ in range(32)]
    together = lm.generate(prompts, max_tokens=20, seeds=range(32))
    assert len({len(g[0].ids) for g in together}) > 1, "rows should end at different steps"
    for seed in range(0, 32, 5):
        (alone,) = lm.generate([prompts[seed]], max_tokens=20, seeds=[seed])
        assert alone[0].ids == together[seed][0].ids
        np.testing.assert_allclose(alone[0].logps, together[seed][0].logps, atol=1e-4)


def test_samples_that_share_a_prefill_equal_separate_ones():
    lm = random_lm()
    shared = lm.generate([PROMPTS[2]], n=4, max_tokens=10, seeds=[3])[0]
    more = lm.generate([PROMPTS[2]], n=2, max_tokens=10, seeds=[3])[0]
    assert [g.ids for g in shared[:2]] == [g.ids for g in more]
    assert len({g.ids for g in shared}) > 1


def test_with_and_without_a_cache_the_same_is_sampled():
    lm = random_lm()
    draws = torch.from_numpy(uniforms([(11, 0)], 10))
    ids = list(PROMPTS[2])
    for step in range(10):
        with torch.inference_mode():
            logits = lm.model(input_ids=torch.tensor([ids]), use_cache=False).logits[:, -1]
        chosen, _ = choose(logits, draws[:, step], Sampling())
        ids.append(int(chosen))
        if ids[-1] in lm.end_ids:
            break
    (generated,) = lm.generate([PROMPTS[2]], max_tokens=10, seeds=[11])[0]
    assert list(generated.ids) == ids[len(PROMPTS[2]) :]


def test_greedy_decoding_equals_transformers():
    lm = random_lm(1)
    ours = lm.generate(PROMPTS, max_tokens=15, deterministic=True)
    for prompt, (generated,) in zip(PROMPTS, ours, strict=True):
        ids = torch.tensor([prompt])
        theirs = lm.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=15, do_sample=False)
        assert list(generated.ids) == theirs[0, len(prompt) :].tolist()


@pytest.mark.parametrize(
    "sampling", [Sampling(), Sampling(0.7), Sampling(top_k=3), Sampling(top_p=0.6), Sampling(0.9, 0.8, 5)]
)
def test_draws_spread_evenly_over_0_and_1_choose_each_id_as_often_as_its_probability(sampling):
    logits = torch.tensor([0.3, -1.0, 2.0, 0.9, 1.1, -4.0, 0.0])
    scores = logits[None] / sampling.temperature
    if sampling.top_k:
        scores = TopKLogitsWarper(sampling.top_k)(None, scores)
    if sampling.top_p < 1:
        scores = TopPLogitsWarper(sampling.top_p)(None, scores)
    expected = scores.softmax(-1)[0]
    draws = (torch.arange(20000, dtype=torch.float64) + 0.5) / 20000
    ids, logps = choose(logits.expand(20000, -1), draws, sampling)
    share = torch.bincount(ids, minlength=7) / 20000
    torch.testing.assert_close(share, expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(logps, expected.log()[ids], atol=1e-5, rtol=0)


def test_the_largest_draw_below_one_never_leaves_the_table():
    logits = torch.tensor([[0.0, 0.0, -torch.inf], [5.0, -torch.inf, -torch.inf]])
    ids, _ = choose(logits, torch.tensor([1 - 2**-53, 1 - 2**-53], dtype=torch.float64), Sampling())
    assert ids.tolist() == [1, 0]


def test_allowed_ids_restrict_the_choice_and_leave_the_log_probability():
    logits = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, -900.0]])
    allowed = torch.tensor([[True, True, False], [False, False, True]])
    draws = torch.tensor([0.999, 0.5], dtype=torch.float64)
    ids, logps = choose(logits, draws, Sampling(), allowed)
    assert ids.tolist() == [1, 2]
    torch.testing.assert_close(logps, torch.log_softmax(logits, -1)[[0, 1], ids])


@pytest.mark.parametrize("bad", [{"temperature": 0}, {"top_p": 0}, {"top_p": 1.5}, {"top_k": -1}])
def test_a_sampling_that_makes_no_sense_is_refused(bad):
    with pytest.raises(OptionError, match=next(iter(bad))):
        Sampling(**bad)


def test_a_row_ends_at_its_own_limit_or_at_the_context():
    lm = random_lm(2, context=16)
    prompts = [[5] * 3, [5] * 3, [5] * 12]
    sampled = [g[0] for g in lm.generate(prompts, max_tokens=[2, 9, 9], seeds=[1, 2, 3])]
    for generated, limit, why in zip(sampled, [2, 9, 4], ["length", "length", "context"], strict=True):
        assert generated.stopped == "eos" or (len(generated.ids), generated.stopped) == (limit, why)
    assert sampled[2].stopped == "context"


@pytest.mark.parametrize("length", [0, 16, 20])
def test_a_prompt_without_room_for_a_token_is_refused(length):
    with pytest.raises(PromptTooLong, match=f"{length} tokens"):
        random_lm(2, context=16).generate([[5] * length], max_tokens=4, seeds=[0])


def test_a_stop_rule_ends_its_row_and_no_other():
    lm = random_lm()
    free = [g[0] for g in lm.generate(PROMPTS, max_tokens=12, seeds=range(5))]

    def after_five_bytes(text, new):
        return 5 if len(text) >= 5 else None

    stopped = [
        g[0]
        for g in lm.generate(PROMPTS, max_tokens=12, seeds=range(5), stop=[after_five_bytes, None, None, None, None])
    ]
    assert stopped[1:] == free[1:]
    assert stopped[0].ids == free[0].ids[: len(stopped[0].ids)]
    text = b"".join(lm.token_bytes[i] for i in stopped[0].ids)
    assert stopped[0].stopped == "stop" and stopped[0].cut == 5 <= len(text)
    assert len(text) - len(lm.token_bytes[stopped[0].ids[-1]]) < 5


def test_required_bytes_come_first_whatever_the_model_wants():
    lm = random_lm()
    sampled = lm.generate(PROMPTS, n=4, max_tokens=20, seeds=range(5), require=[(b"return x", b"\n")] * 5)
    for prompt, samples in zip(PROMPTS, sampled, strict=True):
        for generated in samples:
            text = b"".join(lm.token_bytes[i] for i in generated.ids)
            ended = generated.stopped == "eos" and text == b"return x"
            assert ended or text.startswith(b"return x\n")
            torch.testing.assert_close(
                torch.tensor(generated.logps), plain_logps(lm, prompt, generated.ids), atol=1e-4, rtol=0
            )


def test_the_in_place_cache_holds_what_the_growing_one_holds():
    config = random_lm().model.config
    ours, theirs = in_place_cache(config), DynamicCache(config=config)
    generator = torch.Generator().manual_seed(0)
    for step in (3, 1, 1, 70, 1):
        keys, values = torch.randn(2, 4, 2, step, 16, generator=generator)
        for cache in (ours, theirs):
            found = cache.update(keys, values, 0)
        assert torch.equal(ours.layers[0].keys, theirs.layers[0].keys)
        assert torch.equal(ours.layers[0].values, found[1])
        rows = torch.tensor([3, 0, 0, 1])
        ours.batch_select_indices(rows)
        theirs.batch_select_indices(rows)
        assert torch.equal(ours.layers[0].values, theirs.layers[0].values)


def test_rows_are_told_of_as_they_end_and_carry_the_values_of_their_states():
    lm = random_lm()
    told, head = [], torch.nn.Linear(lm.model.config.hidden_size, 1)
    lm.value_head = lambda hidden: head(hidden).squeeze(-1)
    limits = [9, 2, 5, 12, 1]
    sampled = lm.generate(
        PROMPTS, n=2, max_tokens=limits, seeds=range(5), finished=lambda row, one: told.append((row, one))
    )
    flat = [one for samples in sampled for one in samples]
    assert dict(told) == dict(enumerate(flat)) and len(told) == len(flat)
    lengths = [len(one.ids) for _, one in told]
    assert lengths == sorted(lengths) and lengths[0] < lengths[-1]
    for prompt, samples in zip(PROMPTS, sampled, strict=True):
        for one in samples:
            with torch.inference_mode():
                row = torch.tensor([[*prompt, *one.ids]])
                hidden = lm.model.base_model(input_ids=row, use_cache=False).last_hidden_state
                expected = head(hidden[0, len(prompt) - 1 : -1]).squeeze(-1)
            torch.testing.assert_close(torch.tensor(one.values), expected, atol=1e-4, rtol=0)
    lm.value_head = None
    again = lm.generate(PROMPTS, n=2, max_tokens=limits, seeds=range(5))
    assert [one.ids for samples in again for one in samples] == [one.ids for one in flat]
    assert all(one.values == () for samples in again for one in samples)
