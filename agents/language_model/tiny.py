"""`tiny` and `tiny-buggy`: a Llama of 0.8 M parameters that learns one-line Python from katas, on the spot, once."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from codegym.agents.language_model.cached import cached
from codegym.agents.language_model.sft import FineTuning, fine_tune
from codegym.envs.problems.katas import corpus
from codegym.envs.vocabulary import DEFAULT_FILE, EOS_TEXT, load_vocabulary


@dataclass(frozen=True)
class Recipe:
    """All that decides the weights.

    Attributes:
        name: of the model, for people.
        bug_rate: probability that a fragile construct of a training program is wrong (`katas.corpus`).
        seed: of the corpus, of the initial weights and of the order.
        training: steps, batch size, learning rate.
        hidden, layers, heads, intermediate, context: of the Llama.
    """

    name: str
    bug_rate: float = 0.0
    seed: int = 0
    training: FineTuning = field(default_factory=FineTuning)
    hidden: int = 128
    layers: int = 4
    heads: int = 4
    intermediate: int = 320
    context: int = 1024


CLEAN = Recipe("tiny")


def buggy(seed: int = 0) -> Recipe:
    """The recipe of `tiny-buggy`, the model that the demo starts from; another seed gives another such model."""
    return Recipe("tiny-buggy", bug_rate=corpus.BUG_RATE, seed=seed, training=FineTuning(seed=seed))


def folder(recipe: Recipe) -> Path:
    """The trained model in the cache, trained first if it is not there."""
    name = f"{recipe.name}{f'@{recipe.seed}' if recipe.seed else ''}-{fingerprint(recipe)}"
    return cached(name, lambda target: train(recipe, target))


def fingerprint(recipe: Recipe) -> str:
    """A hash of everything that determines the weights: recipe, vocabulary, corpus and training code, torch."""
    import codegym.envs.problems.katas as katas
    from codegym.agents.language_model import sft
    from codegym.envs.problems import statement

    digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode())
    digest.update(torch.__version__.encode() + load_vocabulary(None).sha.encode())
    sources = [Path(str(module.__file__)) for module in (sft, statement)]
    package = Path(str(katas.__file__)).parent
    sources += [package / file for file in ("corpus.py", "draws.py", "family.py", "pieces.py")]
    sources += [package / "families" / file for file in ("arithmetic.py", "list_filters.py")]
    for source in [Path(__file__), *sources]:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def train(recipe: Recipe, target: Path) -> None:
    """Train a model by its recipe and write it, with tokenizer and prompt style, to a folder that `load` reads."""
    from codegym.agents.language_model.load import LanguageModel

    vocabulary = load_vocabulary(None)
    count = recipe.training.steps * recipe.training.batch_size
    with _progress(recipe, 2 * recipe.training.steps) as advance:
        examples = []
        for index, (prompt, completion) in enumerate(corpus.examples(recipe.seed, count, recipe.bug_rate)):
            examples.append((vocabulary.encode(prompt), [*vocabulary.encode(completion), vocabulary.eos]))
            if index % recipe.training.batch_size == 0:
                advance(0.2)
        model = initial_model(recipe, vocabulary.size, vocabulary.eos)
        fine_tune(model, examples, recipe.training, lambda step, loss: advance(1.8))
    LanguageModel(model, tokenizer(), recipe.name, few_shot="", ends_itself=True).save(target)


def initial_model(recipe: Recipe, vocabulary_size: int, eos_id: int) -> LlamaForCausalLM:
    """The Llama with random weights, decided by the recipe's seed alone."""
    config = LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=recipe.hidden,
        intermediate_size=recipe.intermediate,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=eos_id,
        pad_token_id=eos_id,
    )
    with torch.random.fork_rng(devices=[]):  # transformers initialises from torch's global generator
        torch.manual_seed(recipe.seed)
        return LlamaForCausalLM(config)


def tokenizer() -> PreTrainedTokenizerFast:
    """The shipped vocabulary as a transformers tokenizer."""
    return PreTrainedTokenizerFast(tokenizer_file=str(DEFAULT_FILE), eos_token=EOS_TEXT, pad_token=EOS_TEXT)


@contextmanager
def _progress(recipe: Recipe, total: float) -> Iterator[Callable[[float], None]]:
    """A progress bar with the time left on a terminal, one line elsewhere; on standard error."""
    if not sys.stderr.isatty():
        print(
            f"codegym: training {recipe.name} ({recipe.training.steps} steps, about a minute on two cores; only once)",
            file=sys.stderr,
        )
        yield lambda amount: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"Training {recipe.name} (only once)", total=total)
        yield lambda amount: bar.advance(task, amount)
