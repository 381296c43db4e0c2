"""Rendering: each character in the colour of its credit, as text and as an image."""

from __future__ import annotations

import re

import numpy as np
import pytest

from codegym.envs.execution.outcome import Outcome, TestResult, Verdict
from codegym.envs.mdp.scoring import Score
from codegym.envs.mdp.state import Start, State, View
from codegym.envs.rendering import ansi, frame

GIVEN = "def f(x):"
PROGRAM = GIVEN + "\n    y = x\n    return y\n    z = é"
STATE = State("line", "tests/colour", Start("question", GIVEN), ("a", "b", "c", "<END>"), phase="ended", used=3)
VIEW = View("line", "tests/colour", "", "", "f", (), GIVEN, PROGRAM, "")


def scored(*weights: float) -> Score:
    """A score whose three written lines have these weights."""
    ends = [PROGRAM.index("\n", len(GIVEN)), PROGRAM.index("\n    return"), PROGRAM.index("\n    z"), len(PROGRAM)]
    spans = tuple((start, end, weight) for start, end, weight in zip(ends, ends[1:], weights, strict=False))
    outcome = Outcome(Verdict.WRONG, (TestResult(Verdict.WRONG), TestResult(Verdict.PASS)), 2)
    return Score(PROGRAM, outcome, -0.3, {"outcome": -0.3}, spans, (), ())


def coloured(text: str) -> dict[str, str]:
    """Each coloured piece -> its code."""
    return {piece: code for code, piece in re.findall(r"\033\[([\d;]+)m(.*?)\033\[0m", text, re.DOTALL)}


def test_a_terminal_shows_given_text_and_each_weight_in_its_colour():
    text = ansi(STATE, VIEW, scored(1.0, 0.0, 0.5), colour=True)
    codes = coloured(text)
    assert codes[GIVEN] == "90" and codes["\n    y = x"] == "32" and codes["\n    return y"] == "33"
    assert codes["\n    z = é"] == "38;2;95;115;20", "half way between (190, 120, 0) and (0, 110, 40)"
    assert text.splitlines()[-1] == "WRONG  1/2 tests  reward -0.30"
    assert "".join(codes) == PROGRAM


def test_without_colour_it_is_plain_text():
    text = ansi(STATE, VIEW, scored(1.0, 0.0, 0.5))
    assert "\033" not in text and PROGRAM in text and "3/256 lines  ended" in text


def test_a_program_under_way_has_one_colour_but_for_what_was_given():
    assert list(coloured(ansi(STATE, VIEW, None, colour=True))) == [GIVEN, PROGRAM[len(GIVEN) :]]


def test_an_image_has_the_colours_of_its_weights():
    pytest.importorskip("PIL")

    def nearest(score: Score | None) -> list[float]:
        """How near the pixels come to green, orange and half way between: letters have soft edges."""
        pixels = frame(STATE, VIEW, score)
        assert pixels.dtype == np.uint8 and pixels.shape[2] == 3
        wanted = np.array([(0, 110, 40), (190, 120, 0), (95, 115, 20)])
        distances = np.linalg.norm(pixels.reshape(-1, 1, 3).astype(float) - wanted, axis=-1)
        return [float(distance) for distance in distances.min(0)]

    assert max(nearest(scored(1.0, 0.0, 0.5))) < 25
    assert min(nearest(None)) > 35
    assert nearest(scored(1.0, 1.0, 1.0))[1] > 35
    assert frame(STATE, VIEW, None).shape == frame(STATE, VIEW, scored(1.0, 1.0, 1.0)).shape
