"""Small changes of a test's input: a value of the same type that differs a little."""

from __future__ import annotations

import copy
from typing import Any

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.statement import literal

_LETTERS = "aeb xyzAB01-,."


def changed(value: Any, draws: Draws) -> Any:
    """One to three changes of a value."""
    for _ in range(draws.between(1, 3)):
        value = _change(value, draws)
    return value


def _change(value: Any, draws: Draws) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return draws.choice((value + 1, value - 1, -value, 2 * value, draws.between(0, 12), draws.between(-9, 40)))
    if isinstance(value, float):
        return draws.choice((value + 0.5, -value, value / 2, value * 3, float(draws.between(-5, 20))))
    if isinstance(value, str):
        return _text(value, draws)
    if isinstance(value, list):
        return _items(value, draws)
    if isinstance(value, tuple):
        if not value:
            return value
        place = draws.below(len(value))
        return tuple(_change(item, draws) if at == place else item for at, item in enumerate(value))
    if isinstance(value, dict):
        items = _items(list(value.items()), draws) if value else []
        return dict(items)
    if isinstance(value, set | frozenset):
        return type(value)(_items(sorted(value, key=literal), draws))
    return value


def _items(items: list[Any], draws: Draws) -> list[Any]:
    if not items:
        return items
    place = draws.below(len(items))
    other = draws.below(len(items))
    what = draws.below(6)
    changed = list(items)
    if what == 0:
        del changed[place]
    elif what == 1:
        changed.insert(other, copy.deepcopy(items[place]))
    elif what == 2:
        changed[place], changed[other] = changed[other], changed[place]
    elif what == 3:
        changed = changed[:place]
    else:
        changed[place] = _change(items[place], draws)
    return changed


def _text(text: str, draws: Draws) -> str:
    lines = text.split("\n")
    if len(lines) > 1 and draws.chance(0.3):
        return "\n".join(_items(lines, draws))
    words = text.split(" ")
    numbers = [place for place, word in enumerate(words) if word.lstrip("-").isdigit() and len(word) < 9]
    if numbers and draws.chance(0.6):
        place = draws.choice(numbers)
        return " ".join([*words[:place], str(_change(int(words[place]), draws)), *words[place + 1 :]])
    if len(words) > 1 and draws.chance(0.3):
        return " ".join(_items(words, draws))
    place = draws.below(len(text) + 1)
    letter = draws.choice(text) if text and draws.chance(0.6) else draws.choice(_LETTERS)
    before, after = text[:place], text[place:]
    return draws.choice((before + letter + after, before + after[1:], before + letter + after[1:]))
