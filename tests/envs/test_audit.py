"""The attack corpus against the executor, and an audit that can fail."""

from __future__ import annotations

import json

import pytest

from codegym.cli import main
from codegym.envs.errors import DataError
from codegym.envs.execution import audit, isolation
from codegym.envs.execution.attacks import CPP_TASKS, Attack, load_attacks

RIGHT = (
    "def has_close_elements(numbers, threshold):\n    return any(abs(x - y) < threshold"
    " for i, x in enumerate(numbers) for j, y in enumerate(numbers) if i != j)\n"
)
WRONG = "def has_close_elements(numbers, threshold):\n    return None\n"


@pytest.mark.timeout(300)
def test_nothing_of_the_corpus_gets_through():
    attacks = [attack for attack in load_attacks() if attack.task not in CPP_TASKS]  # those: test_cpp_attacks.py
    assert len(attacks) >= 92 + 40
    assert len({attack.name for attack in attacks}) == len(attacks)
    result = audit.audit(attacks, audit.settings()[:1])
    (setting,) = result["levels"].values()
    assert {kind: result[kind] for kind in audit.LISTS} == {kind: [] for kind in audit.LISTS}, setting["notes"]
    assert audit.clean(result)
    assert len(setting["verdicts"]) == len(attacks) == result["attacks"]


def test_an_audit_finds_what_is_there():
    """With nothing but a process per program, programs escape; a right program is no attack, a wrong one no control."""
    attacks = [
        Attack("right", "x", "func", RIGHT, "fail", ""),
        Attack("wrong", "x", "func", WRONG, "pass", ""),
        Attack("slow", "x", "func", WRONG, "fail:timeout", ""),
        Attack("leak", "x", "func", "open('/tmp/atk_out/leak_x', 'w')\n" + WRONG, "fail", ""),
        Attack("spoil", "x", "func", "import os\nos.unlink('/tmp/atk_victim/precious.txt')\n" + WRONG, "fail", ""),
        Attack(
            "call", "x", "func", "import socket\nsocket.create_connection(('127.0.0.1', 45454))\n" + WRONG, "fail", ""
        ),
        Attack("kill", "x", "func", "import os\nos.kill(os.getppid(), 9)\n" + WRONG, "fail", ""),
        Attack("good", "x", "func", RIGHT, "pass", ""),
    ]
    open_house = audit.Setting("open", isolation.LAYERS[:1], audit.settings()[0].user)
    seen = []
    result = audit.audit(attacks, [open_house], lambda setting, done, findings: seen.append(done))
    assert seen == list(range(1, len(attacks) + 1))
    assert result["passed"] == ["right"]
    assert result["controls_failed"] == ["wrong", "slow"]
    assert result["escaped"] == ["leak", "spoil", "call"]
    assert not audit.clean(result)
    assert set(result) == {"attacks", "levels", *audit.LISTS}


def test_settings_name_every_level_the_machine_may_offer():
    names = [setting.name for setting in audit.settings()]
    assert len(names) == len(set(names)) >= 2
    assert any("namespaces" in setting.layers for setting in audit.settings())
    assert any("namespaces" not in setting.layers for setting in audit.settings())


def test_the_command_reports_and_fails(tmp_path, capsys, monkeypatch):
    corpus, out = tmp_path / "attacks.json", tmp_path / "out.json"
    entry = {"name": "right", "category": "x", "task": "func", "code": RIGHT, "expected": "fail", "why": ""}
    corpus.write_text(json.dumps([entry]))
    only = audit.settings()[:1]
    monkeypatch.setattr(audit, "settings", lambda: only)
    assert main(["audit", "--attacks", str(corpus), "--json", str(out)]) == 1
    result = json.loads(out.read_text())
    assert result["passed"] == ["right"]
    corpus.write_text(json.dumps([{**entry, "expected": "pass"}]))
    assert main(["audit", "--attacks", str(corpus), "--json", str(out)]) == 0
    assert "nothing got through" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", '[{"name": "x"}]', '[{"name":"x","category":"","task":"nope","code":"","expected":"fail"}]'],
)
def test_a_malformed_corpus_is_named(tmp_path, text):
    path = tmp_path / "attacks.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"attacks\.json"):
        load_attacks(path)


def test_doctor_names_every_layer(capsys):
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [layer["name"] for layer in report["layers"]] == ["comparison", *isolation.LAYERS]
    assert report["languages"]["python"]["available"]
    assert any(row["set"] == "humaneval" and row["problems"] == 164 for row in report["problems"])
    assert [helper["name"] for helper in report["helpers"]] == ["programs", "vector environments"]
    assert all(helper["on"] != bool(helper["why"]) for helper in report["helpers"])
    assert main(["doctor"]) == 0
    assert "Isolation" in capsys.readouterr().out
