"""Options that are read without tyro are those that tyro reads, and all that people write every day are read so."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path

import pytest
import tyro
from hypothesis import example, given
from hypothesis import strategies as st

from codegym.commands import score
from codegym.plain_options import plain_options

WORDS = (
    "samples.jsonl", "-", "--", "-h", "--help", "--out", "--out=x", "--problems", "humaneval", "--split", "train",
    "None", "--seconds", "2", "2.5", "1e3", "nan", "inf", "-1", " 3 ", "1_0", "--reference-factor",
    "--reference_factor", "--runs", "3", "0x3", "--json", "--no-json", "--jso", "True", "", "--results", "a b", "é",
)  # fmt: skip


def read_by_tyro(words: list[str]) -> score.Options | None:
    score.tyro = tyro  # as codegym.cli does
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            return tyro.cli(score.Options, args=words)
    except SystemExit:
        return None


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=7))
@example(["--out", "a", "--out", "b", "s"])
@example(["--json", "--json", "s"])
@example(["s", "--no-json"])
@example(["s", "--runs", "1_0"])
@example(["s", "t"])
@example([])
def test_what_is_read_is_what_tyro_reads(words):
    options = plain_options(score.Options, words)
    if options is not None:
        assert repr(options) == repr(read_by_tyro(words))  # nan is not equal to itself


@pytest.mark.parametrize(
    "line",
    [
        "samples.jsonl",
        "samples.jsonl --problems mbpp --split test --reward binary",
        "--out runs/mine samples.jsonl --runs 2 --json --seconds 2.5 --reference-factor 8 --most-seconds 1e2",
        "samples.jsonl.gz --results results.jsonl",
    ],
)
def test_ordinary_command_lines_need_no_tyro(line):
    assert plain_options(score.Options, line.split()) == read_by_tyro(line.split()) is not None


def test_the_command_imports_tyro_only_where_it_must(tmp_path: Path):
    (tmp_path / "none.jsonl").touch()
    code = "import sys\nfrom codegym.cli import main\nmain({})\nprint('tyro' in sys.modules)"
    for words, needed in ((["score", "none.jsonl"], "False"), (["score", "none.jsonl", "--runs=2"], "True")):
        done = subprocess.run(
            [sys.executable, "-c", code.format(words)], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert done.stdout.split()[-1] == needed
