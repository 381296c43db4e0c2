"""Vocabulary: ids to bytes, from the shipped file and from other people's tokenizers."""

from __future__ import annotations

import copy
import pickle

import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from codegym.envs.errors import DataError, OptionError
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.katas.families.one_operation import pieces
from codegym.envs.vocabulary import DEFAULT_FILE, GRAMMAR, load_vocabulary, train_vocabulary

TEXTS = ["def f(xs):\n    return sum(xs)", "é日\U0001f600\x00\t \r\n", "", " ", "a" * 300]


def test_the_shipped_vocabulary_has_512_ids_every_byte_and_an_end():
    vocabulary = load_vocabulary()
    assert vocabulary.size == 512 and vocabulary.spec is None
    assert vocabulary.token_bytes[vocabulary.eos] == b""
    assert {bytes([byte]) for byte in range(256)} <= set(vocabulary.token_bytes)


@pytest.mark.parametrize("text", TEXTS)
def test_the_bytes_of_the_ids_of_a_text_are_its_utf8(text):
    vocabulary = load_vocabulary()
    ids = vocabulary.encode(text)
    assert b"".join(vocabulary.token_bytes[token] for token in ids) == text.encode()
    assert vocabulary.decode(ids) == text


def test_the_shipped_vocabulary_is_meant_for_katas():
    solutions = [problem.references[0] for problem in load_problems("katas:tiny")[:200]]
    vocabulary = load_vocabulary()
    tokens = sum(len(vocabulary.encode(solution)) for solution in solutions)
    assert sum(map(len, solutions)) / tokens > 2.2, "characters per token"


def test_a_vocabulary_is_a_value():
    vocabulary = load_vocabulary()
    assert copy.deepcopy(vocabulary) is vocabulary
    assert load_vocabulary(str(DEFAULT_FILE)).sha == vocabulary.sha
    again = pickle.loads(pickle.dumps(vocabulary))
    assert again == vocabulary and again.encode("def f(): pass") == vocabulary.encode("def f(): pass")


def test_training_is_deterministic_and_spells_every_byte(tmp_path):
    texts = [f"def f{k}(x):\n    return x + {k}" for k in range(200)]
    one, two = train_vocabulary(texts, 300), train_vocabulary(texts, 300)
    assert one.to_str() == two.to_str()
    one.save(str(tmp_path / "tokenizer.json"))
    vocabulary = load_vocabulary(tmp_path)
    assert vocabulary.size == 300 and vocabulary.eos == 0 and vocabulary.spec == str(tmp_path)
    assert vocabulary.decode(vocabulary.encode("日\x00")) == "日\x00"


def test_tokenizers_and_transformers_objects_are_read(tmp_path):
    transformers = pytest.importorskip("transformers")
    vocabulary = load_vocabulary()
    from_file = tokenizers.Tokenizer.from_file(str(DEFAULT_FILE))
    assert load_vocabulary(from_file) == vocabulary
    wrapped = transformers.PreTrainedTokenizerFast(tokenizer_object=from_file, eos_token="<|endoftext|>")
    assert load_vocabulary(wrapped) == vocabulary
    wrapped.save_pretrained(tmp_path)
    assert load_vocabulary(tmp_path) == vocabulary


def test_byte_fallback_tokenizers_are_read():
    tokens = {"<unk>": 0, "</s>": 1, **{f"<0x{byte:02X}>": 2 + byte for byte in range(256)}, "\u2581x": 258, "x": 259}
    tokenizer = tokenizers.Tokenizer(models.BPE(vocab=tokens, merges=[], unk_token="<unk>", byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    vocabulary = load_vocabulary(tokenizer)
    assert vocabulary.eos == 1 and vocabulary.token_bytes[258] == b" x" and vocabulary.token_bytes[2 + 0xC3] == b"\xc3"


def test_tokenizers_that_cannot_serve_are_refused(tmp_path):
    words = tokenizers.Tokenizer(models.WordLevel({"a": 0, "</s>": 1}, unk_token="a"))
    with pytest.raises(OptionError, match="every byte"):
        load_vocabulary(words)
    endless = tokenizers.Tokenizer(models.BPE())
    endless.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    endless.train_from_iterator(["ab"], trainers.BpeTrainer(initial_alphabet=alphabet, show_progress=False))
    with pytest.raises(OptionError, match="end-of-sequence"):
        load_vocabulary(endless)
    with pytest.raises(OptionError, match="No tokenizer at"):
        load_vocabulary("no/such/file")
    with pytest.raises(OptionError, match="A tokenizer is"):
        load_vocabulary(7)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match="not a tokenizer"):
        load_vocabulary(tmp_path)


def test_the_grammar_spells_every_program_of_its_problems():
    assert GRAMMAR[1:] == pieces() and len(GRAMMAR) == 32
    vocabulary = load_vocabulary("grammar")
    for problem in load_problems("katas:one-operation"):
        completion = problem.references[0][len(problem.given) :]
        ids = vocabulary.encode(completion)
        assert vocabulary.decode(ids) == completion and len(ids) <= 2
