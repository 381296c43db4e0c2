"""Agents for tests, by name `slow_agents:...`: each is called with a list of Views and returns a list of programs."""

import os
import time
from pathlib import Path


def constant(views):
    """A program that is wrong for nearly everything, and ignores the given text."""
    return ["def f(*args):\n    return 26" for _ in views]


def slow(views):
    """Takes its time, and counts its calls in $CALLS."""
    with open(os.environ["CALLS"], "a") as file:
        file.write(f"{len(views)}\n")
    time.sleep(0.2)
    return ["def f(xs, *more):\n    return " + ("sum(xs)" if "sum" in v.statement else "26") for v in views]


def wrong_number(views):
    return []


def marks(views):
    return [Path(v.problem).name for v in views]
