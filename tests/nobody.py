"""A very small language model that knows nothing, for tests of whatever needs one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codegym.agents.language_model.load import LanguageModel


def nobody(context: int = 256) -> LanguageModel:
    """A Llama of random weights with the tokenizer of `tiny`; torch is imported when it is asked for."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from codegym.agents.language_model.load import LanguageModel
    from codegym.agents.language_model.tiny import tokenizer

    config = LlamaConfig(
        vocab_size=512,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=context,
        eos_token_id=tokenizer().eos_token_id,
        bos_token_id=None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LanguageModel(LlamaForCausalLM(config).eval(), tokenizer(), "nobody", few_shot="", ends_itself=True)
