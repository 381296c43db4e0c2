"""Files are written whole or not at all; a line file cut anywhere is read up to its last complete line."""

import json
import os
import stat
import threading

import pytest

from codegym.envs.errors import DataError, OptionError
from codegym.envs.files import (
    append_line,
    append_lines,
    drop_incomplete_line,
    read_json,
    require_writable_folder,
    write_atomically,
    write_json,
)


@pytest.mark.parametrize("data", ["héllo\nworld", b"\x00\xff", ""])
def test_a_file_is_written_with_its_folder(tmp_path, data):
    path = tmp_path / "new" / "folder" / "file"
    write_atomically(path, data)
    assert path.read_bytes() == (data if isinstance(data, bytes) else data.encode())
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "new \ud800")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_folder_in_the_way_is_named(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(OptionError, match=r"Cannot write .*file"):
        write_atomically(tmp_path / "file", "text")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_permissions_follow_the_umask(tmp_path):
    (tmp_path / "plain").write_text("x")
    write_atomically(tmp_path / "whole", "x")
    assert stat.S_IMODE(os.stat(tmp_path / "whole").st_mode) == stat.S_IMODE(os.stat(tmp_path / "plain").st_mode)


def test_a_reader_never_sees_half_a_file(tmp_path):
    path, done, seen = tmp_path / "file", threading.Event(), set()
    write_atomically(path, "a" * 100_000)

    def read():
        while not done.is_set():
            text = path.read_text()
            seen.add((len(text), text[:1], text[-1:]))

    reader = threading.Thread(target=read)
    reader.start()
    for letter in "abababab":
        write_atomically(path, letter * 100_000)
    done.set()
    reader.join()
    assert seen <= {(100_000, "a", "a"), (100_000, "b", "b")}


def test_json_is_readable_by_people_and_keeps_its_order(tmp_path):
    write_json(tmp_path / "x.json", {"b": 1, "a": [1.5, None]})
    assert list(read_json(tmp_path / "x.json")) == ["b", "a"]
    assert (tmp_path / "x.json").read_text().endswith("}\n")


def test_bad_json_is_named_with_its_line(tmp_path):
    (tmp_path / "x.json").write_text('{"a": 1,\n"b" 2}\n')
    with pytest.raises(DataError, match=r"x\.json:2: not JSON"):
        read_json(tmp_path / "x.json")
    with pytest.raises(DataError, match=r"Cannot read .*missing\.json"):
        read_json(tmp_path / "missing.json")


def test_a_line_file_cut_anywhere_keeps_its_complete_lines(tmp_path):
    path = tmp_path / "lines.jsonl"
    append_lines(path, [json.dumps({"n": n}) for n in range(3)])
    append_line(path, '{"n": 3}')
    append_lines(path, [])
    whole = path.read_bytes()
    assert whole.count(b"\n") == 4
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        dropped = drop_incomplete_line(path)
        kept = path.read_bytes()
        assert kept == whole[: whole[:cut].rfind(b"\n") + 1]
        assert dropped == (len(kept) < cut)


def test_an_incomplete_line_longer_than_the_read_block_is_cut(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b"first\n" + b"x" * 200_000)
    assert drop_incomplete_line(path)
    assert path.read_bytes() == b"first\n"
    assert not drop_incomplete_line(tmp_path / "missing")


@pytest.mark.parametrize("make", [True, False])
def test_an_unusable_folder_is_refused_before_work(tmp_path, make):
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "file" / "far" / "below"):
        with pytest.raises(OptionError, match="Cannot write into"):
            require_writable_folder(place, make=make)
    require_writable_folder(tmp_path / "a" / "b", make=make)
    assert (tmp_path / "a" / "b").is_dir() == make
    assert [p.name for p in tmp_path.iterdir() if p.name not in ("file", "a")] == []
