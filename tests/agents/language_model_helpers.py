"""Real but random models for the exactness tests: small, quick to make, with distributions far from uniform."""

from __future__ import annotations

import functools

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from codegym.agents.language_model.load import LanguageModel
from codegym.agents.language_model.tiny import Recipe, initial_model, tokenizer
from codegym.envs.problems.katas.corpus import examples


@functools.cache
def random_lm(seed: int = 0, ends_itself: bool = True, context: int = 1024) -> LanguageModel:
    """An untrained model over the shipped vocabulary."""
    return _lm(tokenizer(), seed, ends_itself, context)


@functools.cache
def merging_lm(seed: int = 0) -> LanguageModel:
    """An untrained model whose tokenizer merges across line ends: it has tokens such as `):` + newline."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator([prompt + completion for prompt, completion in examples(0, 200)], trainer)
    return _lm(PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|endoftext|>"), seed, False, 1024)


def _lm(tokens: PreTrainedTokenizerFast, seed: int, ends_itself: bool, context: int) -> LanguageModel:
    recipe = Recipe("random", seed=seed, hidden=32, layers=2, heads=2, intermediate=48, context=context)
    model = initial_model(recipe, len(tokens), tokens.eos_token_id)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(8)
    return LanguageModel(model.eval(), tokens, "random", few_shot="", ends_itself=ends_itself)
