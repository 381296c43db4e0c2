"""Hostile bytes: the decoder gives a value of plain types or a CodecError, in bounded time, and never anything else."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from codegym.envs.execution import codec
from codegym.envs.execution.codec import CodecError, Handle

TAGS = [
    "tuple", "dict", "int", "type", "bytes", "complex", "set", "frozenset", "range", "Counter", "OrderedDict",
    "defaultdict", "deque", "Decimal", "Fraction", "ndarray", "numpy", "handle", "nothing",
]  # fmt: skip
PLAIN = {
    "NoneType", "bool", "int", "float", "complex", "str", "bytes", "list", "tuple", "set", "frozenset", "dict", "range",
    "Counter", "defaultdict", "OrderedDict", "deque", "Decimal", "Fraction", "Handle", "type",
}  # fmt: skip

leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["-ff", "1" * 500, "NaN", "sNaN", "1e999999", "<i8", "|S100000", "<M8[ns]", "int", "O", "é"])
)  # fmt: skip
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(TAGS), inner, max_size=2),
    max_leaves=25,
)


def decoded(data: bytes) -> Any:
    """What the decoder gives; None for a refusal."""
    try:
        return codec.decode(data, None, 1 << 16)
    except CodecError:
        return None


def parts(value: Any) -> list[Any]:
    """A value with everything in it."""
    if isinstance(value, dict):
        return [value, *(part for pair in value.items() for one in pair for part in parts(one))]
    if type(value).__name__ in ("list", "tuple", "set", "frozenset", "deque"):
        return [value, *(part for one in value for part in parts(one))]
    return [value]


def is_plain(value: Any) -> bool:
    return type(value).__name__ in PLAIN or type(value).__module__ == "numpy"


@settings(max_examples=600, deadline=2000)
@given(trees)
@example({"numpy": ["<M8[ns]", "00"]})
@example({"ndarray": ["<i8", [1 << 40], ""]})
@example({"ndarray": ["<i8", [-1], "00" * 8]})
@example({"range": [0, 1, 0]})
@example({"Fraction": [1, 0]})
@example({"deque": [-1, []]})
@example({"Decimal": "1e999999999"})
@example({"set": [[1]]})
@example({"dict": [{"dict": []}, 1]})
@example({"Counter": [1, {"tuple": [{"list": 1}]}]})
def test_any_tree_of_tags_is_plain_or_refused(tree: Any) -> None:
    value = decoded(json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    assert all(map(is_plain, parts(value)))


@settings(max_examples=400, deadline=2000)
@given(st.binary(max_size=300) | st.text('[]{}",:0123456789eE+-.tuplesdictNaN\\ ', max_size=300).map(str.encode))
def test_any_bytes_are_plain_or_refused(data: bytes) -> None:
    assert all(map(is_plain, parts(decoded(data))))


@settings(max_examples=300, deadline=2000)
@given(trees, st.data())
def test_an_answer_with_a_few_bytes_changed_is_plain_or_refused(tree: Any, data: st.DataObject) -> None:
    written = bytearray(json.dumps(["value", tree]).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        written[data.draw(st.integers(0, len(written) - 1))] = data.draw(st.integers(0, 255))
    assert all(map(is_plain, parts(decoded(bytes(written)))))


def test_a_handle_is_never_resolved_to_what_its_number_says() -> None:
    assert isinstance(decoded(b'{"handle":[0,"list"]}'), Handle)
    assert decoded(b'{"handle":["0","list"]}') is None
