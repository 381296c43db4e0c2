"""Checkpoints: written whole, the last two kept, and training goes on bit by bit in a fresh process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from learning_helpers import ragged_batch, small_model

from codegym.agents.learning.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from codegym.agents.learning.options import PPOOptions
from codegym.agents.learning.ppo import PPO
from codegym.agents.learning.tensors import load_tensors
from codegym.envs.errors import DataError, OptionError

CONFIG = {"lr": 0.1, "model": "small"}

RESUME = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_checkpoint import train
train(Path(sys.argv[2]), int(sys.argv[3]))
"""


def train(folder: Path, until: int) -> None:
    """Train a small model to an iteration, from the newest checkpoint where there is one, and save another."""
    torch.set_num_threads(1)
    trainer = PPO(small_model(), PPOOptions(value_warmup=1), seed=4)
    checkpoint = load_checkpoint(folder, {})
    if checkpoint:
        trainer.load_state(dict(checkpoint.tensors))
    while trainer.iteration < until:
        metrics = trainer.update(trainer.score(ragged_batch(trainer.model, seed=trainer.iteration)))
    save_checkpoint(folder, Checkpoint(trainer.iteration, trainer.state(), {}, {"metrics": metrics}))


def test_a_fresh_process_goes_on_bit_by_bit(tmp_path):
    train(tmp_path / "whole", 4)
    train(tmp_path / "broken", 2)
    here = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", RESUME, here, str(tmp_path / "broken"), "4"], check=True)
    whole, broken = (load_checkpoint(tmp_path / folder, {}) for folder in ("whole", "broken"))
    assert whole.iteration == broken.iteration == 4
    assert whole.extra == broken.extra
    assert whole.tensors.keys() == broken.tensors.keys()
    assert all(torch.equal(tensor, broken.tensors[name]) for name, tensor in whole.tensors.items())
    assert any(name.startswith("adam/") for name in whole.tensors)


def test_a_state_holds_all_that_the_next_update_depends_on():
    model = small_model()
    trainer = PPO(model, PPOOptions(value_warmup=1))
    for seed in range(2):
        trainer.update(trainer.score(ragged_batch(model, seed=seed)))
    state = {name: tensor.clone() for name, tensor in trainer.state().items()}
    twin = PPO(small_model(), PPOOptions(value_warmup=1))
    twin.load_state(state)
    batch = ragged_batch(model, seed=9)
    assert trainer.update(trainer.score(batch)) == twin.update(twin.score(batch))
    assert all(torch.equal(tensor, twin.state()[name]) for name, tensor in trainer.state().items())


def save(folder: Path, iteration: int) -> Path:
    return save_checkpoint(
        folder, Checkpoint(iteration, {"x": torch.tensor([float(iteration)])}, CONFIG, {"seconds": 1.5})
    )


def test_the_newest_is_read_and_two_are_kept(tmp_path):
    assert load_checkpoint(tmp_path, CONFIG) is None
    for iteration in (5, 10, 15, 15):
        save(tmp_path, iteration)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["iteration-000010", "iteration-000015"]
    found = load_checkpoint(tmp_path, CONFIG)
    assert found.iteration == 15 and found.tensors["x"].item() == 15.0 and found.extra == {"seconds": 1.5}


def test_what_a_killed_writer_left_is_not_read_and_is_cleared_away(tmp_path):
    save(tmp_path, 5)
    half = tmp_path / ".iteration-000010.123.part"
    half.mkdir()
    (half / "state.safetensors").write_bytes(b"half")
    assert load_checkpoint(tmp_path, CONFIG).iteration == 5
    save(tmp_path, 10)
    assert not half.exists()


def test_another_configuration_is_refused_by_name(tmp_path):
    save(tmp_path, 5)
    with pytest.raises(OptionError, match=r"lr was 0\.1, now 0\.2") as error:
        load_checkpoint(tmp_path, {**CONFIG, "lr": 0.2})
    assert "\n" not in str(error.value)


def test_a_damaged_file_is_an_error_with_its_name(tmp_path):
    folder = save(tmp_path, 5)
    (folder / "state.safetensors").write_bytes(b"no")
    with pytest.raises(DataError, match=r"state\.safetensors"):
        load_checkpoint(tmp_path, CONFIG)
    with pytest.raises(DataError, match="missing"):
        load_tensors(tmp_path / "missing.safetensors")
