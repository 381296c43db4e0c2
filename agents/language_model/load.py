"""LanguageModel: weights, tokenizer and vocabulary together, loaded by name, folder, hub id or GGUF file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from codegym.agents.language_model.generate import (
    Generated,
    Request,
    Stop,
    context_length,
    generate,
    next_token_logps,
)
from codegym.agents.language_model.prompts import FEW_SHOT
from codegym.agents.language_model.sampling import Sampling
from codegym.agents.language_model.scoring import score
from codegym.envs.errors import OptionError, unknown
from codegym.envs.files import write_atomically
from codegym.envs.vocabulary import load_vocabulary

NAMES = ("tiny", "tiny-buggy", "smollm2")
_CARD = "codegym.json"
_END_NAMES = ("<|endoftext|>", "<|im_end|>", "</s>", "<|eot_id|>", "<|end_of_text|>", "<|end|>")


class Sampler(Protocol):
    """Samples one continuation per request; `generate.generate` is ours."""

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
        """One Generated per request, in order, with the log-probabilities of the distribution it was drawn from.

        One that cannot give values leaves them out; one that cannot tell of single rows tells of all at the end.
        """
        ...


class LanguageModel:
    """A causal language model that can be sampled, scored, trained and saved.

    Attributes:
        model: transformers' PreTrainedModel.
        tokenizer: transformers' tokenizer.
        vocabulary: the bytes of each id.
        name: what `load` was asked for.
        few_shot: solved examples that a completion prompt begins with; "" for models trained on bare prompts.
        ends_itself: the model was trained to end programs with its end-of-sequence token; others get stop rules.
        end_ids: ids that end a text: the vocabulary's `eos` and the model's other end tokens.
        sampler: what samples; ours, or another of the same signature (`vllm_sampler`).
        watch: told how many tokens were sampled, after each step, where someone shows progress.
        value_head: of a policy in training; what is sampled then carries the values of its states.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: Any,
        name: str,
        *,
        few_shot: str = FEW_SHOT,
        ends_itself: bool = False,
    ) -> None:
        """Wrap a model and its tokenizer; `LanguageModel.load` is the usual way."""
        self.model, self.tokenizer, self.name = model, tokenizer, name
        self.few_shot, self.ends_itself = few_shot, ends_itself
        vocabulary = load_vocabulary(tokenizer)
        shipped = load_vocabulary(None)
        self.vocabulary = shipped if vocabulary == shipped else vocabulary
        width = int(model.config.get_text_config().vocab_size)
        self._token_bytes = [*self.vocabulary.token_bytes, *[b""] * (width - self.vocabulary.size)]
        self.end_ids = self._find_ends(width)
        self.sampler: Sampler = generate
        self.watch: Callable[[int], None] | None = None
        self.value_head: Callable[[torch.Tensor], torch.Tensor] | None = None
        self._before = tuple(tokenizer("").input_ids)

    @classmethod
    def load(
        cls, name: str | Path, *, device: torch.device | str | None = None, dtype: torch.dtype | str | None = None
    ) -> LanguageModel:
        """Load a model.

        Args:
            name: "tiny", "tiny-buggy" (also "tiny-buggy@SEED": another corpus and initialisation), "smollm2", a
                folder, a GGUF file, or a hub id ("organisation/model").
            device: where it lives; by default the accelerator if there is one, else the CPU.
            dtype: of the weights ("float32", "bfloat16", ...); by default float32, in which re-scored
                log-probabilities equal sampled ones.

        Raises:
            OptionError: if there is no such model, with what to do.
        """
        name = str(name)
        folder = _builtin(name)
        path = Path(name).expanduser()
        if folder is None and path.is_dir():
            folder = path
        place = device if device is not None else cls.default_device()
        options = {"dtype": dtype if dtype is not None else torch.float32}
        if folder is not None:
            source, file = str(folder), {}
        elif path.suffix == ".gguf":
            if not path.is_file():
                raise OptionError(f"No model file {name!r}.")
            source, file = str(path.parent), {"gguf_file": path.name}
        elif re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not name.startswith("."):
            source, file = name, {}
        else:
            raise unknown("language model", name, [*NAMES, "a folder", "a GGUF file", "a hub id (organisation/model)"])
        with quiet():
            try:
                tokenizer = AutoTokenizer.from_pretrained(source, **file)
                model = AutoModelForCausalLM.from_pretrained(source, **file, **options)
            except (OSError, ValueError) as error:
                first = str(error).strip().split("\n")[0]
                raise OptionError(f"Cannot load the language model {name!r}: {first}") from None
        card = folder / _CARD if folder is not None else None
        style = json.loads(card.read_text(encoding="utf-8")) if card is not None and card.is_file() else {}
        model.to(torch.device(place))
        return cls(model.eval(), tokenizer, name, **style)

    @staticmethod
    def default_device() -> str:
        """Where models live unless told otherwise: the accelerator if there is one."""
        return "cuda" if torch.cuda.is_available() else "cpu"

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        return self.model.device

    @property
    def eos_id(self) -> int:
        """The id that ends a program."""
        return self.vocabulary.eos

    @property
    def token_bytes(self) -> list[bytes]:
        """The bytes of every id that the model can emit (its output may be wider than the tokenizer)."""
        return self._token_bytes

    @property
    def context(self) -> int:
        """How many tokens the model reads and writes together."""
        return context_length(self.model)

    def encode_prompt(self, text: str) -> list[int]:
        """The ids of a prompt, after what the tokenizer puts before every text (a BOS id); never empty."""
        ids = self.vocabulary.encode(text)
        before = [token for token in self._before if token not in self.end_ids]
        if before and ids[: len(before)] != before:
            ids = [*before, *ids]
        return ids or [self.eos_id]

    def generate(
        self,
        prompt_ids: Sequence[Sequence[int]],
        *,
        n: int = 1,
        max_tokens: int | Sequence[int],
        sampling: Sampling | None = None,
        stop: Stop | Sequence[Stop | None] | None = None,
        seeds: Sequence[int] | None = None,
        deterministic: bool = False,
        require: Sequence[tuple[bytes, bytes]] | None = None,
        finished: Callable[[int, Generated], None] | None = None,
    ) -> list[list[Generated]]:
        """Sample `n` continuations of each prompt; equal prompts are read once.

        Args:
            prompt_ids: each at least one id.
            n: continuations per prompt.
            max_tokens: for all, or per prompt.
            sampling: temperature, top-p, top-k; by default the plain distribution.
            stop: a stop rule for all, or per prompt.
            seeds: one per prompt; continuation j of prompt i depends on (seeds[i], j) alone. May be left out with
                `deterministic`.
            deterministic: the most likely token each time.
            require: per prompt, bytes the text must begin with and bytes that must follow unless it ends.
            finished: told of each continuation as soon as it ends: `n` times the prompt's place plus its own, and it.

        Returns:
            For each prompt its `n` continuations.
        """
        count = len(prompt_ids)
        if seeds is None:
            if not deterministic:
                raise OptionError("Sampling needs seeds, one per prompt.")
            seeds = [0] * count
        if len(seeds) != count:
            raise OptionError(f"{count} prompts need {count} seeds, not {len(seeds)}.")
        limits = [max_tokens] * count if isinstance(max_tokens, int) else list(max_tokens)
        stops = list(stop) if isinstance(stop, Sequence) else [stop] * count
        needs = require if require is not None else [(b"", b"")] * count
        requests = [
            Request(tuple(prompt), (seed, sample), limit, *need, rule)
            for prompt, seed, limit, need, rule in zip(prompt_ids, seeds, limits, needs, stops, strict=True)
            for sample in range(n)
        ]
        flat = self.sampler(
            self.model,
            requests,
            token_bytes=self._token_bytes,
            end_ids=self.end_ids,
            sampling=sampling or Sampling(),
            deterministic=deterministic,
            watch=self.watch,
            finished=finished,
            value_head=self.value_head,
        )
        return [flat[begin : begin + n] for begin in range(0, len(flat), n)]

    def score(
        self, ids: Sequence[Sequence[int]], starts: Sequence[int], *, temperature: float = 1.0
    ) -> list[torch.Tensor]:
        """Log-probabilities of ids[i][starts[i]:]; see `scoring.score`."""
        return score(self.model, ids, starts, temperature=temperature)

    def next_token_logps(self, prompt_ids: Sequence[Sequence[int]], *, temperature: float = 1.0) -> torch.Tensor:
        """Log-probabilities of the token after each prompt; float32 [prompts, vocabulary]."""
        return next_token_logps(self.model, prompt_ids, temperature)

    def identity(self) -> dict[str, Any]:
        """What a run records of the model: name, weights hash, tokenizer hash, precision, prompt style."""
        return {
            "name": self.name,
            "weights": weights_hash(self.model),
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "tokenizer": self.vocabulary.sha,
            "ends_itself": self.ends_itself,
        }

    def save(self, folder: str | Path) -> None:
        """Write weights, tokenizer and prompt style as a folder that `load` reads."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with quiet():
            self.model.save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
        style = {"few_shot": self.few_shot, "ends_itself": self.ends_itself}
        write_atomically(folder / _CARD, json.dumps(style, indent=1) + "\n")

    def _find_ends(self, width: int) -> frozenset[int]:
        configured = getattr(self.model.generation_config, "eos_token_id", None)
        ends = {self.vocabulary.eos, *(configured if isinstance(configured, list) else [configured])}
        added = self.tokenizer.get_added_vocab()
        ends |= {added[name] for name in _END_NAMES if name in added}
        ends |= set(range(self.vocabulary.size, width))  # outputs that no text has: rather an end than an error
        return frozenset(end for end in ends if end is not None and end < width)


def weights_hash(model: PreTrainedModel) -> str:
    """A hash of all parameters, by name, independent of the device."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes() if tensor.dim() else b"")
    return digest.hexdigest()[:16]


class quiet:  # reads as a statement: `with quiet():`
    """Without transformers' progress bars and warnings: what matters is said in our errors."""

    def __enter__(self) -> None:
        self._level = transformers.logging.get_verbosity()
        self._bars = transformers.utils.logging.is_progress_bar_enabled()
        transformers.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        transformers.logging.set_verbosity(self._level)
        if self._bars:
            transformers.utils.logging.enable_progress_bar()


def folder_of(name: str) -> Path:
    """The folder with the weights of a model that is built in (made first if need be) or is a folder.

    Raises:
        OptionError: it is neither.
    """
    folder = _builtin(name)
    if folder is None:
        folder = Path(name).expanduser()
        if not folder.is_dir():
            raise unknown("language model", name, [*NAMES, "a folder"])
    return folder


def _builtin(name: str) -> Path | None:
    """The folder of a built-in model, made first if need be; None for other names."""
    from codegym.agents.language_model import smollm2, tiny

    base, _, variant = name.partition("@")
    if base == "tiny" and not variant:
        return tiny.folder(tiny.CLEAN)
    if base == "tiny-buggy" and (not variant or variant.isdecimal()):
        return tiny.folder(tiny.buggy(int(variant or 0)))
    if name == "smollm2":
        return smollm2.folder()
    return None
