"""`python -m codegym` is the `codegym` command."""

from codegym.cli import run

run()
