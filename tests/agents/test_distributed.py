"""Two processes that train one model together take the steps that one process takes."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from learning_helpers import ragged_batch, small_model

from codegym.agents.learning.distributed import Peers
from codegym.agents.learning.metrics import Averages
from codegym.agents.learning.tensors import load_tensors
from codegym.agents.recipes.stepcoder import train_stepcoder
from codegym.agents.recipes.stepcoder_options import TrainStepCoderOptions

OPTIONS = {
    "problems": "katas:rules-chain-3", "prompts": 3, "samples": 3, "max_tokens": 8, "eval_problems": 2,
    "eval_samples": 2, "sft_steps": 4, "sft_batch": 4, "sft_lr": 1e-3, "iterations": 3, "checkpoint_every": 2,
    "value_warmup": 1, "eval_every": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def model(nobody_folder: str) -> str:
    return nobody_folder


@pytest.fixture(scope="module")
def alone(model: str, tmp_path_factory) -> tuple[Path, dict]:
    """A run of one process: its folder and its summary."""
    one = tmp_path_factory.mktemp("alone") / "one"
    return one, train_stepcoder(TrainStepCoderOptions(out=one, model=model, **OPTIONS))


FSDP = Path(__file__).parents[2] / "docs" / "fsdp.yaml"


def launch(processes: int, options: dict, *, sharded: bool = False) -> None:
    """`codegym train stepcoder` as `torchrun` starts it, or `accelerate launch` with our configuration of FSDP."""
    words = [word for k, v in options.items() for word in ("--" + k.replace("_", "-"), str(v))]
    launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    if sharded:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        launcher = ["accelerate.commands.launch", "--config_file", str(FSDP), "--num_processes", str(processes)]
        launcher += ["--main_process_port", str(port)]
    command = [sys.executable, "-m", *launcher, "-m", "codegym", "train", "stepcoder", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("results in") == 1  # one of them reports


def metrics(folder: Path) -> list[dict]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("sharded", [False, True])
def test_two_processes_train_what_one_process_trains(model, alone, tmp_path, sharded):
    one, expected = alone
    two = tmp_path / "two"
    launch(2, {"model": model, "out": two, **OPTIONS}, sharded=sharded)
    same_run(one, two, expected)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_sharded_run_goes_on_from_its_checkpoint(model, alone, tmp_path):
    one, expected = alone
    two = tmp_path / "two"
    launch(2, {"model": model, "out": two, **OPTIONS}, sharded=True)
    shutil.rmtree(two / "checkpoints" / "iteration-000003")
    shutil.rmtree(two / "model")
    for name in ("after.json", "after.jsonl"):
        (two / "evaluation" / name).unlink()
    launch(2, {"model": model, "out": two, **OPTIONS}, sharded=True)
    same_run(one, two, expected)


def same_run(one: Path, two: Path, expected: dict) -> None:
    """Two runs ended with the same weights, optimiser, curriculum, metrics and evaluation, to float tolerance."""
    first, second = (load_tensors(run / "model" / "model.safetensors") for run in (one, two))
    start = load_tensors(one / "sft" / "model" / "model.safetensors")
    assert any(float((first[name] - start[name]).abs().max()) > 1e-4 for name in start)  # something was learned
    for name, tensor in first.items():
        assert torch.allclose(tensor, second[name], atol=2e-6, rtol=1e-5), name
    assert len(metrics(one)) == len(metrics(two)) == 3
    for alone, together in zip(metrics(one), metrics(two), strict=True):
        assert alone.keys() == together.keys()
        for key, value in alone.items():
            assert together[key] == (value if value is None else pytest.approx(value, rel=1e-4, abs=1e-5)), key
    result = json.loads((two / "summary.json").read_text())
    assert {k: v for k, v in result.items() if k != "seconds"} == {k: v for k, v in expected.items() if k != "seconds"}
    states = [json.loads((run / "checkpoints" / "iteration-000003" / "state.json").read_text()) for run in (one, two)]
    assert states[0]["extra"]["curriculum"] == states[1]["extra"]["curriculum"]
    last = [load_tensors(run / "checkpoints" / "iteration-000003" / "state.safetensors") for run in (one, two)]
    assert last[0].keys() == last[1].keys()
    assert all(last[0][name].shape == last[1][name].shape for name in last[0])


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_shares_are_a_partition_and_keep_siblings_together(size):
    batch = ragged_batch(small_model())
    peers = [Peers(rank, size) for rank in range(size)]
    rows = [part.rows(batch).tolist() for part in peers]
    assert sorted(row for part in rows for row in part) == list(range(len(batch)))
    groups = [set(batch.group[part].tolist()) for part in rows]
    if size <= len(set(batch.group.tolist())):
        assert sum(map(len, groups)) == len(set(batch.group.tolist()))
    items = list(range(10))
    assert [item for part in peers for item in part.part(items)] == items


def test_averages_of_several_processes_are_the_averages_of_all():
    rng = np.random.default_rng(0)
    whole, parts = Averages(), [Averages(), Averages()]
    for index in range(6):
        values, weight = (torch.from_numpy(rng.random(4)) for _ in range(2))
        whole.add("x", values, weight)
        parts[index % 2].add("x", values, weight)
    together = Averages()
    for part in parts:
        together.merge(Averages.of(json.loads(json.dumps(part.sums()))))
    assert together.means()["x"] == pytest.approx(whole.means()["x"])
