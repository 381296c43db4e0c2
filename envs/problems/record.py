"""A Problem as a JSON object and back: the package's own file format.

Tests are `{"kind": "call", "args": [...], "expected": ..., "kwargs": {...}, "fresh": true}`,
`{"kind": "stdio", "stdin": ..., "stdout": ...}`, `{"kind": "script", "source": ..., "setup": ...}`,
`{"kind": "in-process", "source": ...}` or `{"kind": "oracle", "name": ..., "inputs": [...], "rule": ...,
"alternatives": [...]}`. Values that JSON does not keep (tuples, sets, dicts with other keys, nan) are written as
Python literals under `args_literal`, `expected_literal`, `kwargs_literal` and `inputs_literal`. Every other field has
the name and the default it has in `Problem`; `limits` is an object.
"""

from __future__ import annotations

import ast
import dataclasses
from typing import Any

from codegym.envs.problems.problem import (
    CallTest,
    InProcessTest,
    Limits,
    OracleTest,
    Problem,
    ScriptTest,
    StdioTest,
    Test,
)
from codegym.envs.problems.statement import literal

_LISTS = ("references", "pseudocode", "tags")
_TESTS = ("public_tests", "hidden_tests")
_PLAIN = tuple(f for f in dataclasses.fields(Problem) if f.name not in (*_LISTS, *_TESTS, "limits"))


def to_record(problem: Problem) -> dict[str, Any]:
    """The problem as a JSON object; fields that have their default are left out."""
    record: dict[str, Any] = {"uri": problem.uri, "statement": problem.statement, "entry_point": problem.entry_point}
    for plain in _PLAIN:
        value = getattr(problem, plain.name)
        if plain.name not in record and value != plain.default:
            record[plain.name] = value
    for name in _LISTS:
        if getattr(problem, name):
            record[name] = list(getattr(problem, name))
    for name in _TESTS:
        if getattr(problem, name):
            record[name] = [_test_record(test) for test in getattr(problem, name)]
    if problem.limits != Limits():
        record["limits"] = dataclasses.asdict(problem.limits)
    return record


def from_record(record: dict[str, Any], uri: str) -> Problem:
    """The problem of a JSON object, under the given uri.

    Raises:
        ValueError: naming the field that is missing, unknown or of the wrong type.
    """
    known = {f.name for f in dataclasses.fields(Problem)} | {"id"}
    extra = sorted(set(record) - known)
    if extra:
        raise ValueError(f"unknown field {extra[0]!r}; known: {', '.join(sorted(known))}")
    fields: dict[str, Any] = {"statement": "", "entry_point": None, **record, "uri": uri}
    fields.pop("id", None)
    for name in ("statement", "starter", "prelude", "language", "difficulty", "licence", "base"):
        if not isinstance(fields.get(name, ""), str):
            raise ValueError(f"field {name!r} must be text")
    for name in (*_LISTS, *_TESTS):
        if not isinstance(fields.get(name, []), list):
            raise ValueError(f"field {name!r} must be a list")
    for name in _LISTS:
        fields[name] = tuple(map(str, fields.get(name, ())))
    for name in _TESTS:
        fields[name] = tuple(_test(item) for item in fields.get(name, ()))
    if not fields["public_tests"] and not fields["hidden_tests"]:
        raise ValueError("a problem needs at least one test in 'public_tests' or 'hidden_tests'")
    try:
        fields["limits"] = Limits(**fields.get("limits", {}))
    except TypeError:
        raise ValueError(f"field 'limits' takes {', '.join(f.name for f in dataclasses.fields(Limits))}") from None
    return Problem(**fields)


def _test_record(test: Test) -> dict[str, Any]:
    if isinstance(test, StdioTest):
        return {"kind": "stdio", "stdin": test.stdin, "stdout": test.stdout}
    if isinstance(test, ScriptTest):
        return {"kind": "script", "source": test.source} | ({"setup": test.setup} if test.setup else {})
    if isinstance(test, InProcessTest):
        return {"kind": "in-process", "source": test.source}
    if isinstance(test, OracleTest):
        inputs = [list(args) for args in test.inputs]
        found: dict[str, Any] = {"kind": "oracle", "name": test.name, "rule": test.rule}
        found |= {"alternatives": list(test.alternatives)} if test.alternatives else {}
        return found | ({"inputs": inputs} if _survives_json(inputs) else {"inputs_literal": literal(inputs)})
    record: dict[str, Any] = {"kind": "call"}
    for name, value in (("args", list(test.args)), ("kwargs", dict(test.kwargs)), ("expected", test.expected)):
        if name == "kwargs" and not value:
            continue
        record.update({name: value} if _survives_json(value) else {f"{name}_literal": literal(value)})
    return record | ({"fresh": True} if test.fresh else {})


def _survives_json(value: Any) -> bool:
    if isinstance(value, float):
        return value - value == 0
    if value is None or isinstance(value, (bool, int, str)):
        return True
    if type(value) is list:
        return all(map(_survives_json, value))
    return type(value) is dict and all(type(k) is str and _survives_json(v) for k, v in value.items())


def _test(item: Any) -> Test:
    if not isinstance(item, dict):
        raise ValueError("a test must be an object with a 'kind'")
    try:
        match item.get("kind"):
            case "call":
                args, kwargs = _value(item, "args", []), _value(item, "kwargs", {})
                if not isinstance(args, (list, tuple)) or not isinstance(kwargs, dict):
                    raise ValueError("'args' must be a list and 'kwargs' an object")
                return CallTest(tuple(args), _value(item, "expected"), tuple(kwargs.items()), bool(item.get("fresh")))
            case "stdio":
                return StdioTest(str(item["stdin"]), str(item["stdout"]))
            case "script":
                return ScriptTest(str(item["source"]), str(item.get("setup", "")))
            case "in-process":
                return InProcessTest(str(item["source"]))
            case "oracle":
                inputs, rule = _value(item, "inputs"), str(item.get("rule", "equal"))
                if not isinstance(inputs, list) or not all(isinstance(args, list) for args in inputs):
                    raise ValueError("'inputs' must be a list of lists of arguments")
                others = tuple(map(str, item.get("alternatives", ())))
                return OracleTest(str(item.get("name", "")), tuple(map(tuple, inputs)), rule, others)
    except KeyError as error:
        raise ValueError(f"a {item['kind']} test needs the field {error}") from None
    raise ValueError(f"unknown kind of test {item.get('kind')!r}; known: call, stdio, script, in-process, oracle")


def _value(item: dict[str, Any], name: str, default: Any = ...) -> Any:
    text = item.get(f"{name}_literal")
    if text is not None:
        return _from_literal(str(text))
    if name in item or default is ...:
        return item[name]
    return default


def _from_literal(text: str) -> Any:
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        raise ValueError(f"not a Python literal: {text[:80]!r}") from None
    return _literal_node(node)


def _literal_node(node: ast.expr) -> Any:
    # ast.literal_eval knows neither frozenset(...) nor set() inside other values, nor nan and inf as printed.
    if isinstance(node, ast.List):
        return [_literal_node(item) for item in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_literal_node(item) for item in node.elts)
    if isinstance(node, ast.Set):
        return {_literal_node(item) for item in node.elts}
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {_literal_node(k): _literal_node(v) for k, v in zip(node.keys, node.values, strict=True) if k}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset"):
        items = [_literal_node(argument) for argument in node.args]
        return frozenset(*items) if node.func.id == "frozenset" else set(*items)
    if isinstance(node, ast.Name) and node.id in ("nan", "inf"):
        return float(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_literal_node(node.operand)
    return ast.literal_eval(node)
