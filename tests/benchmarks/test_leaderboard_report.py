"""The report shows what happened, asks nothing of the network, and is not fooled by program text."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from codegym.benchmarks.leaderboard.charts import curve, interval_bar, verdict_bar
from codegym.benchmarks.leaderboard.program_pieces import pieces, token_ends, visible
from codegym.benchmarks.leaderboard.report import Shown, choose_episodes, render_report
from codegym.benchmarks.leaderboard.sources import read_source
from codegym.envs.errors import DataError

HOSTILE = (
    "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg/onload=alert(3)>"
    "{{BODY}}&lt;b&gt;\u202eevil\u2066\x1b[31m\x00\ud800<!--"
)


class Page(HTMLParser):
    """Counts what a browser would make of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.text, self.open = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]

    def handle_data(self, data):
        self.text.append(data)


def page_of(runs, shown):
    return render_report([read_source(folder) for folder in runs], shown)


def test_hostile_text_stays_text_wherever_it_stands(run_folder, episode):
    bad = episode(
        f"katas/{HOSTILE}",
        program="def f(x):" + HOSTILE,
        credit_spans=((12, 30, 1.0), (30, 60, 0.3)),
        verdict="WRONG",
        agent=HOSTILE,
    )
    folder = run_folder("run", [bad], agent=HOSTILE, env_id=HOSTILE)
    summary = json.loads((folder / "summary.json").read_text())
    summary["broken"] = [{"problem": HOSTILE, "reason": HOSTILE}]
    (folder / "summary.json").write_text(json.dumps(summary))
    shown = [Shown(HOSTILE, bad, message=HOSTILE, statement=HOSTILE)]
    text = page_of([folder], shown)
    page = Page(text)
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert not [a for a in page.attributes if a[1].startswith("on")]
    assert not re.search("[\x00\x1b\u202e\u2066\ud800]", text)
    assert "alert(1)" in "".join(page.text)  # shown, not run
    text.encode("utf-8")


def test_the_page_needs_nothing_from_outside_and_allows_only_its_own_script(run_folder, episode):
    run = run_folder("run", [episode("katas/a")])
    text = page_of([run], [Shown("run", episode("katas/a"))])
    page = Page(text)
    assert not [a for a in page.attributes if a[1] in ("src", "href", "action", "srcset")]
    assert "url(" not in text and "@import" not in text
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [v for tag, name, v in page.attributes if tag == "meta" and name == "content" and "default-src" in v]
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy


def test_results_training_and_comparison_are_on_the_page(tmp_path, run_folder, episode):
    before = run_folder("demo/before", [episode(f"p{i}", 0, "WRONG" if i % 2 else "PASS") for i in range(10)])
    run_folder("demo/after", [episode(f"p{i}") for i in range(10)])
    summaries = {n: json.loads((before.parent / n / "summary.json").read_text()) for n in ("before", "after")}
    (before.parent / "summary.json").write_text(json.dumps({**summaries, "seconds": 90}))
    lines = [json.dumps({"iteration": i, "pass_rate": i / 10, "kl": 0.1}) for i in range(1, 10)]
    (before.parent / "metrics.jsonl").write_text("\n".join(lines) + '\n{"iteration": 10, "pa')
    source = read_source(before.parent)
    assert [label for label, _ in source.runs] == ["demo: before", "demo: after"]
    assert len(source.metrics) == 9
    text = "".join(Page(render_report([source], [])).text)
    for expected in ("+50.0 points", "50.0 %", "100.0 %", "Against demo: before", "5 / 5 / 0", "not verified"):
        assert expected in text
    page = render_report([source], [])
    assert "from 10.0 % to 90.0 % over 9 points" in page


def test_a_training_folder_shows_the_programs_of_its_evaluations(tmp_path, episode):
    (tmp_path / "ppo" / "evaluation").mkdir(parents=True)
    for part, verdict in (("before", "WRONG"), ("after", "PASS")):
        played = [episode("a", i, verdict, agent="tiny") for i in range(2)]
        greedy = episode("a", 0, verdict, agent="tiny (greedy)")
        lines = [e.to_json() + "\n" for e in [*played, greedy]]
        (tmp_path / "ppo" / "evaluation" / f"{part}.jsonl").write_text("".join(lines))
    summary = {"before": {"pass@1": {"value": 0.0, "low": 0.0, "high": 0.0}}, "after": {}}
    (tmp_path / "ppo" / "summary.json").write_text(json.dumps(summary))
    source = read_source(tmp_path / "ppo")
    assert [(label, len(run.episodes)) for label, run in source.runs] == [("ppo: before", 2), ("ppo: after", 2)]
    text = "".join(Page(render_report([source], [])).text)
    assert "100.0 %" in text and "tiny" in text


def test_a_folder_without_anything_to_report_is_named(tmp_path):
    with pytest.raises(DataError, match="is not a run folder"):
        read_source(tmp_path)
    with pytest.raises(DataError, match="No run folder"):
        read_source(tmp_path / "nothing")


def test_pieces_join_to_the_program_and_carry_its_weights(episode):
    example = episode(
        "a",
        program="def f(x):\n    y = 1\n    return x",
        credit_spans=((9, 19, 0.0), (19, 32, 0.5)),
    )
    for cuts in ([], [11, 19, 25], range(40), [-5, 900]):
        found = pieces(example, cuts)
        assert "".join(piece.text for piece in found) == example.program
        weights = [piece.weight for piece in found for _ in piece.text]
        assert weights == [None] * 9 + [0.0] * 10 + [0.5] * 13
    assert [piece.text for piece in pieces(example)] == ["def f(x):", "\n    y = 1", "\n    return x"]
    assert {piece.weight for piece in pieces(episode("a", credit_spans=()))} == {None}


def test_token_ends_are_in_characters_also_where_a_character_spans_tokens(episode):
    table = [b"", b"a", b"\xc3", b"\xa9", b"bc"]
    example = episode("a", start={"text": "é"}, actions=(1, 2, 3, 4, 0))
    assert token_ends(example, table)[-1] == len("éaébc")
    assert token_ends(example, table)[0] == 2
    assert token_ends(episode("a", actions=(7,)), table) == []


def test_characters_that_hide_are_written_out():
    assert visible("a\u202eb\x1b[0m\ud800\n\tc") == "a\\u202eb\\u001b[0m\\ud800\n\tc"


def test_each_run_has_its_share_of_the_page_and_first_samples_come_first(run_folder, episode):
    runs = []
    for name in ("one", "two"):
        folder = run_folder(name, [episode(f"p{i}", s) for i in range(6) for s in range(3)])
        runs += read_source(folder).runs
    chosen = choose_episodes(runs, 16)
    assert [label for label, _ in chosen].count("one") == 8
    first = [(e.problem, e.sample) for label, e in chosen if label == "one"]
    assert {p for p, s in first if s == 0} == {f"p{i}" for i in range(6)}
    assert first == sorted(first)


def test_charts_say_their_numbers_and_stay_inside_their_frame():
    bar = interval_bar(0.5, 0.25, 0.75)
    assert "50.0, 95 % interval 25.0 to 75.0" in bar
    coordinates = [float(v) for v in re.findall(r'(?:cx|x1|x2|x)="([-\d.]+)"', interval_bar(2.0, -1.0, 3.0))]
    assert min(coordinates) >= 0 and max(coordinates) <= 180
    widths = [float(v) for v in re.findall(r'width="([\d.]+)" height', verdict_bar({"PASS": 3, "<odd>": 1}))]
    assert widths == [450.0, 150.0]
    assert "<odd>" not in verdict_bar({"<odd>": 1})
    assert curve([(1, 0.5)], label="x", x_label="y") == ""
    for values in ([0.0, 0.0], [1e-9, 3e-9, 2e-9], [-5, 1000], [float("nan"), 1.0, 2.0]):
        drawn = curve(list(enumerate(values)), label="x", x_label="y")
        heights = [float(v) for v in re.findall(r'cy="([-\d.]+)"', drawn)]
        assert heights and min(heights) >= 14 and max(heights) <= 196
