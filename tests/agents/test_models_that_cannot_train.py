"""Models that training cannot work with, or only in part: no end of text, a context shorter than prompts."""

from __future__ import annotations

import json

import pytest
import torch
from nobody import nobody
from transformers import PreTrainedTokenizerFast

from codegym.cli import main
from codegym.envs.vocabulary import DEFAULT_FILE

SMALL = ["--prompts", "4", "--samples", "2", "--max-tokens", "6", "--eval-problems", "2", "--eval-samples", "1"]


def saved(folder, *, context: int = 256):
    nobody(context).save(folder)
    return folder


def train(model, out, *words: str) -> int:
    return main(["train", "ppo", "--model", str(model), "--out", str(out), "--iterations", "1", *SMALL, *words])


def test_a_tokenizer_without_an_end_is_one_line_and_exit_2(tmp_path, capsys):
    folder = saved(tmp_path / "model")
    nameless = DEFAULT_FILE.read_text(encoding="utf-8").replace("<|endoftext|>", "<|something|>")
    (tmp_path / "tokenizer.json").write_text(nameless, encoding="utf-8")
    without = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    assert without.eos_token is None
    without.save_pretrained(folder)
    assert train(folder, tmp_path / "run") == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert "end" in lines[-1].lower() and lines[-1].startswith("codegym: ")
    assert not (tmp_path / "run" / "run.json").exists()


def test_problems_that_do_not_fit_are_named_and_counted_and_the_others_train(tmp_path, capsys):
    folder = saved(tmp_path / "model", context=56)
    words = ["--problems", "katas:rules-chain-2", "--prompts", "12", "--eval-problems", "0"]
    assert train(folder, tmp_path / "run", *words) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "left out (" in line]
    assert told and all("katas/rules-chain-2/" in line for line in told)
    assert f"({len(told)} so far)" in told[-1]
    (record,) = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert record["dropped"] == 2 * len(told) < 24


def test_a_context_that_no_problem_fits_into_is_one_line_and_exit_2(tmp_path, capsys):
    folder = saved(tmp_path / "model", context=16)
    assert train(folder, tmp_path / "run", "--eval-problems", "0") == 2
    assert "None of a rollout's 4 problems fits into the model's context." in capsys.readouterr().err
    assert train(folder, tmp_path / "other") == 2
    assert "None of the 2 held-out problems fits into the model's context." in capsys.readouterr().err


@pytest.mark.slow
def test_the_losses_teach_cartpole(monkeypatch):
    """20,000 steps of Stable-Baselines3's PPO whose update is ours; it then balances for most of an episode."""
    sb3 = pytest.importorskip("stable_baselines3")
    from stable_baselines3.common.evaluation import evaluate_policy

    from codegym.agents.learning.advantage import normalise
    from codegym.agents.learning.losses import policy_loss, value_loss

    def update(self) -> None:
        for _ in range(self.n_epochs):
            for data in self.rollout_buffer.get(self.batch_size):
                ones = torch.ones(len(data.old_log_prob))
                value, logp, _ = self.policy.evaluate_actions(data.observations, data.actions.long().flatten())
                loss, _ = policy_loss(
                    logp, data.old_log_prob, normalise(data.advantages, ones), ones, denominator=len(ones)
                )
                error = value_loss(value.flatten(), data.old_values, data.returns, ones, denominator=len(ones))
                self.policy.optimizer.zero_grad()
                (loss + error).backward()
                torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
                self.policy.optimizer.step()

    monkeypatch.setattr(sb3.PPO, "train", update)
    agent = sb3.PPO("MlpPolicy", "CartPole-v1", n_steps=512, batch_size=64, learning_rate=1e-3, seed=0, device="cpu")
    agent.learn(20_000)
    reward, _ = evaluate_policy(agent, agent.get_env(), n_eval_episodes=10)
    assert reward > 400
