"""Vocabulary: what each token id spells, in bytes; loaded from the shipped file or from anyone's tokenizer."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codegym.envs.errors import DataError, OptionError

if TYPE_CHECKING:
    import tokenizers

DEFAULT_FILE = Path(__file__).with_name("vocabulary.json")
EOS_TEXT = "<|endoftext|>"
_EOS_NAMES = (
    EOS_TEXT,
    "</s>",
    "<|im_end|>",
    "<eos>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<｜end▁of▁sentence｜>",
    "[EOS]",
)


class Vocabulary:
    """An immutable map between token ids and bytes.

    The bytes of all ids of a text, joined, are its UTF-8. Special tokens spell nothing.

    Attributes:
        token_bytes: what each id spells; empty for special tokens and unused ids.
        eos: the id that ends a program.
        sha: identity: equal for equal ids, bytes and eos.
        spec: the text that `load_vocabulary` turns into this vocabulary, or None for the shipped one.
    """

    def __init__(
        self,
        token_bytes: Sequence[bytes],
        eos: int,
        encode: Callable[[str], list[int]],
        spec: str | None = None,
    ) -> None:
        self.token_bytes = list(token_bytes)
        self.eos = eos
        self.spec = spec
        self._encode = encode
        digest = hashlib.sha256(str(eos).encode())
        for spelled in self.token_bytes:
            digest.update(len(spelled).to_bytes(4, "little") + spelled)
        self.sha = digest.hexdigest()[:16]

    @property
    def size(self) -> int:
        """Number of ids."""
        return len(self.token_bytes)

    def encode(self, text: str) -> list[int]:
        """The ids of a text, without special tokens around it."""
        return self._encode(text)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids; bytes that are no UTF-8 become U+FFFD."""
        return b"".join([self.token_bytes[token] for token in ids]).decode(errors="replace")

    def __len__(self) -> int:
        return self.size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.sha == other.sha

    def __hash__(self) -> int:
        return hash(self.sha)

    def __deepcopy__(self, memo: dict[int, Any]) -> Vocabulary:
        return self

    def __repr__(self) -> str:
        return f"Vocabulary(size={self.size}, eos={self.eos}, sha={self.sha!r})"


def load_vocabulary(tokenizer: Any = None) -> Vocabulary:
    """The vocabulary of a tokenizer.

    Args:
        tokenizer: None for the shipped one (512 tokens, byte-level BPE of katas code); a path to a `tokenizer.json` or
            to a folder that holds one; the name of a built-in one ("grammar"); a `tokenizers.Tokenizer`; a
            transformers tokenizer; or a Vocabulary.

    Raises:
        OptionError: for anything else, or a tokenizer that cannot spell every byte or has no end-of-sequence token.
        DataError: for a file that holds no tokenizer.
    """
    if tokenizer is None:
        return _from_file(str(DEFAULT_FILE), None)
    if isinstance(tokenizer, Vocabulary):
        return tokenizer
    if tokenizer == "grammar":
        return grammar_vocabulary()
    if isinstance(tokenizer, str | Path):
        path = Path(tokenizer).expanduser()
        file = path / "tokenizer.json" if path.is_dir() else path
        if not file.is_file():
            raise OptionError(
                f"No tokenizer at {str(path)!r}; give the path of a tokenizer.json, of a folder with one, or 'grammar'."
            )
        return _from_file(str(file), str(tokenizer))
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not hasattr(backend, "get_vocab") or not hasattr(backend, "to_str"):
        raise OptionError(
            f"A tokenizer is a path, a tokenizers.Tokenizer or a fast transformers tokenizer, not {tokenizer!r:.80}."
        )
    eos = getattr(tokenizer, "eos_token_id", None)
    spec = getattr(tokenizer, "name_or_path", None) or None
    return _of_tokenizer(backend, eos, spec)


def train_vocabulary(texts: Iterable[str], size: int = 512) -> tokenizers.Tokenizer:
    """Train a byte-level BPE that can spell every byte and has an end-of-sequence token as id 0.

    Deterministic: the same texts in the same order give the same tokenizer. Save it with `.save(path)`.
    """
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers, trainers

    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[EOS_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


@functools.cache
def grammar_vocabulary() -> Vocabulary:
    """The vocabulary of codegym/TokenGrammar-v0: the end of the program, and 31 pieces of one-line functions."""
    return Vocabulary([piece.encode() for piece in GRAMMAR], 0, _encode_grammar, "grammar")


GRAMMAR = (
    "",
    *(f"\n    return {code}" for code in ("a", "b", "a + b", "a - b", "b - a", "a * b", "a * a")),
    *(f"\n    return {code}" for code in ("max(a, b)", "min(a, b)", "abs(a - b)", "abs(a)", "abs(b)")),
    *(f" + {constant}" for constant in (1, 2, 3, 4)),
    *(f" - {constant}" for constant in (1, 2, 3, 4)),
    *(f" * {constant}" for constant in (2, 3, 4, 5)),
    *(f" // {constant}" for constant in (2, 3, 4)),
    *(f" % {constant}" for constant in (2, 3, 5, 10)),
)
"""The pieces from which every program of the katas `one-operation` can be made; the first ends the program."""


def _encode_grammar(text: str) -> list[int]:
    """The longest piece at each place; what no piece spells is left out (observations of prompts alone need this)."""
    ids = []
    at = 0
    while at < len(text):
        found = max((piece for piece in GRAMMAR if piece and text.startswith(piece, at)), key=len, default="")
        if found:
            ids.append(GRAMMAR.index(found))
        at += len(found) or 1
    return ids


@functools.lru_cache(maxsize=16)
def _from_file(file: str, spec: str | None) -> Vocabulary:
    import tokenizers

    try:
        text = Path(file).read_text(encoding="utf-8")
        tokenizer = tokenizers.Tokenizer.from_str(text)
    except Exception as error:  # the library raises bare Exception for a malformed file
        raise DataError(f"{file}: not a tokenizer ({error}).") from None
    eos = None
    config = Path(file).with_name("tokenizer_config.json")
    if config.is_file():
        name = json.loads(config.read_text(encoding="utf-8")).get("eos_token")
        name = name.get("content") if isinstance(name, dict) else name
        eos = tokenizer.token_to_id(name) if name else None
    return _of_tokenizer(tokenizer, eos, spec)


def _of_tokenizer(tokenizer: Any, eos: int | None, spec: str | None) -> Vocabulary:
    ids: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    if eos is None:
        eos = next((ids[name] for name in _EOS_NAMES if name in ids), None)
    if eos is None:
        raise OptionError(f"The tokenizer has no end-of-sequence token; it needs one such as {EOS_TEXT!r}.")
    added = {token: spelled.content for token, spelled in tokenizer.get_added_tokens_decoder().items()}
    special = {token for token, spelled in tokenizer.get_added_tokens_decoder().items() if spelled.special}
    spell = _speller(ids)
    table = [b""] * (max(ids.values()) + 1)
    for text, token in ids.items():
        if token in special or token == eos:
            continue
        table[token] = added[token].encode() if token in added else spell(text)
    return Vocabulary(table, eos, functools.partial(_encode, tokenizer), spec)


def _encode(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def _speller(ids: dict[str, int]) -> Callable[[str], bytes]:
    """How this tokenizer writes bytes as text: byte-level (GPT-2) or byte fallback (SentencePiece)."""
    of_char = _byte_of_char()
    # Some lack bytes that no text of theirs had (SmolLM2 21 of them), so ASCII text is what tells them apart.
    if all(char in ids for char, byte in of_char.items() if byte in b"\n" or 0x20 <= byte < 0x7F):
        return lambda text: bytes([of_char[char] for char in text]) if of_char.keys() >= set(text) else text.encode()
    if all(f"<0x{byte:02X}>" in ids for byte in range(256)):
        fallback = {f"<0x{byte:02X}>": bytes([byte]) for byte in range(256)}
        return lambda text: fallback.get(text) or text.replace("\u2581", " ").encode()
    raise OptionError("The tokenizer cannot spell every byte; use a byte-level BPE or one with byte fallback.")


@functools.cache
def _byte_of_char() -> dict[str, int]:
    """GPT-2's printable stand-ins: 188 bytes stand for themselves, the other 68 for the characters from U+0100."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + i): byte for i, byte in enumerate(others)}
