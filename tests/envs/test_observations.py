"""Observations: kept step by step, equal to what the whole text says."""

from __future__ import annotations

import io
import tokenize

import numpy as np
import pytest

from codegym.envs.errors import OptionError
from codegym.envs.features import FEATURES
from codegym.envs.lexer import CODE, COMMENT, Reader, is_string, is_triple
from codegym.envs.mdp.process import Process
from codegym.envs.mdp.state import Start
from codegym.envs.mdp.visible import visible
from codegym.envs.observations import Tracker, check_mode, observation_space
from codegym.envs.problems.catalog import load_problems
from codegym.envs.vocabulary import load_vocabulary

KATA = load_problems("katas")[3]
SEEN = visible(KATA)
WORDS = load_vocabulary()

SOURCE = '''def f(x, y="a # b"):
    """Doc 'with' quotes."""
    s = 'it\\'s' + ""  # why "so"
    t = {"k": [1, (2, 3)], 'é': """two
    lines ' " """}
    return (s,
            t)
'''


def by_hand(text: str) -> dict[str, object]:
    """Where a reader is after `text`: brackets, indentation, lines, counted from the tokens of Python itself."""
    line = text.rpartition("\n")[2]
    return {
        "lines": text.count("\n"),
        "indent": len(line) - len(line.lstrip(" ")),
        "blank": not line.strip(" "),
    }


def truth(source: str) -> list[tuple[str, int]]:
    """For each character of a valid program: "code", "comment" or "string", and the depth of brackets before it."""
    kinds = ["code"] * (len(source) + 1)
    depth = [0] * (len(source) + 1)
    offsets = [0]
    for row in source.split("\n"):
        offsets.append(offsets[-1] + len(row) + 1)
    level = 0
    for found in tokenize.generate_tokens(io.StringIO(source).readline):
        start, end = (offsets[row - 1] + column for row, column in (found.start, found.end))
        if found.type in (tokenize.STRING, tokenize.COMMENT):
            for at in range(start + 1, end):
                kinds[at] = "string" if found.type == tokenize.STRING else "comment"
            if found.type == tokenize.COMMENT:
                kinds[end] = "comment"
        if found.string in ("(", "[", "{", ")", "]", "}") and found.type == tokenize.OP:
            level += 1 if found.string in "([{" else -1
            for at in range(end, len(source) + 1):
                depth[at] = level
    return list(zip(kinds, depth, strict=True))


@pytest.mark.parametrize("cuts", ["bytes", "tokens"])
def test_the_reader_knows_what_pythons_own_tokenizer_knows(cuts):
    vocabulary = WORDS
    of_byte = {spelled: token for token, spelled in enumerate(vocabulary.token_bytes)}
    ids = vocabulary.encode(SOURCE) if cuts == "tokens" else [of_byte[bytes([b])] for b in SOURCE.encode()]
    expected = truth(SOURCE)
    reader = Reader(vocabulary, 1)
    data = b""
    for token in ids:
        reader.read(np.array([0]), np.array([token]))
        data += vocabulary.token_bytes[token]
        try:
            text = data.decode()
        except UnicodeDecodeError:
            continue
        kind, depth = expected[len(text)]
        if text.endswith(("'", '"')) and kind == "code":
            assert reader.mode[0] == CODE or is_string(reader.mode)[0], "an empty string may still become a triple one"
        else:
            assert is_string(reader.mode)[0] == (kind == "string"), text
        assert (reader.mode[0] == COMMENT) == (kind == "comment"), text
        assert reader.open.sum() == depth, text
        seen = {"lines": reader.lines[0], "indent": reader.indent[0], "blank": reader.blank[0]}
        assert seen == by_hand(text), repr(text)


def test_reading_in_batches_one_by_one_and_at_once_agree():
    random = np.random.default_rng(0)
    ids = random.integers(1, WORDS.size, (5, 300))
    together, alone, at_once = Reader(WORDS, 5), Reader(WORDS, 5), Reader(WORDS, 5)
    for column in ids.T:
        together.read(slice(None), column)
    for row in range(5):
        at_once.read_all(row, ids[row].tolist())
        for token in ids[row]:
            alone.read(np.array([row]), np.array([token]))
    for other in (alone, at_once):
        for name in ("mode", "open", "lines", "indent", "blank"):
            assert np.array_equal(getattr(together, name), getattr(other, name)), name


def test_triple_quotes_are_told_apart():
    reader = Reader(WORDS, 3)
    for row, text in enumerate(("x = '''a", "x = 'a", "x = ''")):
        reader.read_all(row, WORDS.encode(text))
    assert is_triple(reader.mode).tolist() == [True, False, False]


def tracker(mode: str, name: str = "token", window: int = 512, budget: int = 256) -> tuple[Tracker, Process]:
    process = Process(name, WORDS)
    made = Tracker(mode, process, window, 1)
    made.restart([0], [process.initial(KATA, Start("question", KATA.given), budget)], [SEEN])
    return made, process


def test_tokens_are_those_of_prompt_and_text_right_padded():
    made, _ = tracker("dict")
    ids = WORDS.encode(SEEN.prompt + KATA.given)
    observation = made.row(0)
    assert observation["tokens"][: len(ids)].tolist() == ids and not observation["tokens"][len(ids) :].any()
    assert observation["attention_mask"].sum() == len(ids) and observation["tokens"].dtype == np.int64


def test_the_window_keeps_the_last_tokens_and_counts_what_fell_out():
    made, process = tracker("dict", window=16)
    state = process.initial(KATA, Start("question", KATA.given), 256)
    ids = WORDS.encode(SEEN.prompt + KATA.given)
    for token in WORDS.encode("\n    return [x for x in xs if x > 3]"):
        state = process.transition(state, token)
        made.append(0, token, state)
        ids.append(token)
    assert made.row(0)["tokens"].tolist() == ids[-16:]
    assert made.row(0)["attention_mask"].all() and made.tokens_cut.tolist() == [len(ids) - 16]


ACTIONS = {
    "token": [*WORDS.encode("\n    return (xs['é']"), WORDS.eos],
    "line": ["    if xs:\n        return 1", "    x = '''", "<END>"],
    "pseudocode": ["<Action 1> plan", "<Action 2> do (this)", "<Action 3>\n```\nx = 1\n```"],
}


@pytest.mark.parametrize("name", list(ACTIONS))
@pytest.mark.parametrize("mode", ["dict", "features", "text"])
def test_step_by_step_equals_starting_at_the_state(name, mode):
    made, process = tracker(mode, name)
    state = process.initial(KATA, Start("question", KATA.given), 256)
    space = observation_space(mode, process, 512)
    for action in ACTIONS[name]:
        state = process.transition(state, action)
        made.append(0, action, state)
        fresh = Tracker(mode, process, 512, 1)
        fresh.restart([0], [state], [SEEN])
        stepped, started = made.row(0), fresh.row(0)
        assert stepped in space
        if mode == "dict":
            assert stepped.keys() == started.keys()
            assert all(np.array_equal(stepped[key], started[key]) for key in stepped)
        else:
            assert np.array_equal(stepped, started)


@pytest.mark.parametrize("name", ["token", "line"])
def test_the_text_is_prompt_and_program_and_ends_in_no_newline(name):
    made, process = tracker("text", name)
    state = process.initial(KATA, Start("question", KATA.given), 256)
    assert made.row(0) == SEEN.prompt + KATA.given
    for action in ACTIONS[name]:
        state = process.transition(state, action)
        made.append(0, action, state)
        assert made.row(0) == SEEN.prompt + process.view(state, SEEN).text


def test_the_features_are_what_their_table_says():
    made, process = tracker("features", budget=10)
    state = process.initial(KATA, Start("question", KATA.given), 10)
    at_start = made.row(0)
    assert at_start[0] == 0 and at_start[1] == 1 and not at_start[48 + 8 * 4 :].any()
    assert np.abs(at_start[16:48]).max() == 1
    ids = WORDS.encode("\n    return '(")
    for token in ids:
        state = process.transition(state, token)
        made.append(0, token, state)
    features = made.row(0)
    assert features.shape == (FEATURES,) and features.dtype == np.float32
    assert features[0] == np.float32(len(ids) / 10) and features[2] == 4 / 32
    assert features[6] == 1 and features[3] == 0, "the bracket is inside a string"
    other = Tracker("features", process, 512, 1)
    problem = load_problems("katas")[4]
    other.restart([0], [process.initial(problem, Start("question", problem.given), 10)], [visible(problem)])
    assert not np.array_equal(other.row(0)[16:48], features[16:48]), "problems are told apart"


def test_an_unknown_observation_is_refused():
    with pytest.raises(OptionError, match="Did you mean 'features'"):
        check_mode("feature")
