"""Programs for judges to agree on: mutants of references, and texts that mean the same.

Mutants change one thing: an operator, a comparison, a number, a `not`, a branch, a returned value. They are what a
model's near misses look like, in any number and without a model; some of them still pass.
"""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Iterator, Sequence

_SWAPS: dict[type, tuple[type, ...]] = {
    ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.LtE), ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,), ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Add,), ast.FloorDiv: (ast.Div,),
    ast.Div: (ast.FloorDiv,), ast.Mod: (ast.FloorDiv,), ast.And: (ast.Or,), ast.Or: (ast.And,), ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,), ast.BitOr: (ast.BitAnd,), ast.BitXor: (ast.BitOr,),
}  # fmt: skip


def function_of(program: str, name: str) -> str:
    """The text of one top-level function of a program, without layout and comments."""
    found = [n for n in ast.parse(program).body if isinstance(n, ast.FunctionDef) and n.name == name]
    return ast.unparse(found[-1]) + "\n"


def ending_mutants(program: str) -> list[str]:
    """Mutants that end if the program does: of one with a `while` loop only those that return something else."""
    loops = any(isinstance(node, ast.While) for node in ast.walk(ast.parse(program)))
    return list(mutants(program, (ast.Return,) if loops else (ast.AST,)))


def mutants(program: str, kinds: tuple[type[ast.AST], ...] = (ast.AST,)) -> Iterator[str]:
    """Programs that differ from a given one in one place, each text once; comments and layout are lost.

    Args:
        program: what to change.
        kinds: of the nodes that may be changed.
    """
    tree = ast.parse(program)
    seen = {ast.unparse(tree)}
    for place in range(len(list(ast.walk(tree)))):
        for variant in range(2):
            changed = copy.deepcopy(tree)
            node = next(node for at, node in enumerate(ast.walk(changed)) if at == place)
            if isinstance(node, kinds) and _change(node, variant):
                text = ast.unparse(ast.fix_missing_locations(changed))
                if text not in seen:
                    seen.add(text)
                    yield text + "\n"


def _change(node: ast.AST, variant: int) -> bool:
    """Change a node in place; returns whether there was this variant of a change."""
    if isinstance(node, ast.Compare):
        swaps = _SWAPS.get(type(node.ops[0]), ())
        if variant < len(swaps):
            node.ops[0] = swaps[variant]()
            return True
    elif isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp):
        swaps = _SWAPS.get(type(node.op), ())
        if variant < len(swaps):
            node.op = swaps[variant]()
            return True
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            node.value = not node.value
            return variant == 0
        if isinstance(node.value, int | float):
            node.value += (1, -1)[variant]
            return True
        if isinstance(node.value, str) and 0 < len(node.value) < 20 and variant == 0:
            node.value = node.value[:-1]
            return True
    elif isinstance(node, ast.If | ast.IfExp) and variant == 0:
        node.test = ast.UnaryOp(ast.Not(), node.test)
        return True
    elif isinstance(node, ast.Return) and node.value is not None:
        node.value = ast.Constant(None) if variant == 0 else ast.List([node.value], ast.Load())
        return True
    return False


def same_in_other_words(program: str, number: int) -> str:
    """A text that means the same as a program and differs from it and from those of other numbers."""
    return f"{program.rstrip()}\n\n\n# variant {number}\n" if number else program


def drawn(programs: Sequence[str], count: int, key: str) -> list[str]:
    """At most so many of some programs, drawn without order by a key."""
    return random.Random(key).sample(list(programs), min(count, len(programs)))
