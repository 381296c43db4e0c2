"""Rendering: an episode as text for a terminal, or as an image; code is coloured by credit once it has run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegym.envs.errors import OptionError
from codegym.envs.mdp.scoring import Score
from codegym.envs.mdp.state import State, View

RGB = tuple[int, int, int]
_GIVEN: RGB = (120, 120, 120)
_INK: RGB = (20, 20, 20)
_RAN: RGB = (0, 110, 40)
_SILENT: RGB = (190, 120, 0)
_PAPER: RGB = (255, 255, 255)
_COLUMNS, _ROWS = 100, 40


def ansi(state: State, view: View, score: Score | None, *, colour: bool = False) -> str:
    """The episode as text: a line about it, the program, and at the end the verdict.

    Args:
        state: of the episode.
        view: the same as agents see it.
        score: what the program was worth, or None while it is written.
        colour: mark given text, and the rest by its credit: green at 1, orange at 0, between them a mixture.
    """
    text = _text(view, score)
    if colour:
        text = "".join(f"\033[{_code(ink)}m{part}\033[0m" for part, ink in _parts(state, text, score))
    return "\n".join([_headline(state), text, *_verdict(score)])


_CODES = {_GIVEN: "90", _INK: "0", _RAN: "32", _SILENT: "33"}


def _code(ink: RGB) -> str:
    """The terminal's own colours where it has them, so that they fit to its theme."""
    return _CODES.get(ink) or "38;2;" + ";".join(map(str, ink))


def frame(state: State, view: View, score: Score | None) -> NDArray[np.uint8]:
    """The episode as an image [height, width, 3] of constant size; shows the last 38 lines.

    Raises:
        OptionError: if Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise OptionError("render_mode='rgb_array' draws with Pillow: pip install 'codegym[render]'.") from None
    font: Any = ImageFont.load_default()
    left, top, right, bottom = font.getbbox("M")
    width, height = int(right - left) + 1, int(bottom - top) + 6
    image = Image.new("RGB", (_COLUMNS * width, _ROWS * height), _PAPER)
    draw = ImageDraw.Draw(image)
    rows = _coloured_rows(state, _text(view, score), score)[-(_ROWS - 2) :]
    title, end = [(_headline(state), _GIVEN)], [("  ".join(_verdict(score)), _INK)]
    for number, row in enumerate([title, *rows, end]):
        x = 0.0
        for part, ink in row:
            shown = part.expandtabs(4).encode("latin-1", "replace").decode("latin-1")
            draw.text((x, number * height), shown, fill=ink, font=font)
            x += draw.textlength(shown, font=font)
    return np.asarray(image, dtype=np.uint8).copy()


def _text(view: View, score: Score | None) -> str:
    return view.text if score is None or not score.program else score.program


def _headline(state: State) -> str:
    unit = {"token": "tokens", "line": "lines", "pseudocode": "steps"}[state.mdp]
    return f"{state.problem}  {state.used}/{state.budget} {unit}  {state.phase}"


def _verdict(score: Score | None) -> list[str]:
    if score is None:
        return []
    outcome = score.outcome
    passed = f"{outcome.tests_passed}/{outcome.tests_total} tests"
    return [f"{outcome.verdict.value}  {passed}  reward {score.reward:+.2f}"]


def _parts(state: State, text: str, score: Score | None) -> list[tuple[str, RGB]]:
    """The text in pieces of one colour."""
    given = len(state.start.text) if state.mdp != "pseudocode" else 0
    parts = [(text[:given], _GIVEN)]
    if score is None or not score.credit_spans:
        parts.append((text[given:], _INK))
    else:
        parts += [(text[start:end], _credit_ink(weight)) for start, end, weight in score.credit_spans]
    return [part for part in parts if part[0]]


def _credit_ink(weight: float) -> RGB:
    mixed = [round(silent + weight * (ran - silent)) for silent, ran in zip(_SILENT, _RAN, strict=True)]
    return mixed[0], mixed[1], mixed[2]


def _coloured_rows(state: State, text: str, score: Score | None) -> list[list[tuple[str, RGB]]]:
    rows: list[list[tuple[str, RGB]]] = [[]]
    for part, ink in _parts(state, text, score):
        first, *others = part.split("\n")
        rows[-1].append((first, ink))
        rows += [[(other, ink)] for other in others]
    return rows
