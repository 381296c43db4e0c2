"""`codegym bench training` and `generation`: the peers' reward is the ladder, and ratios say who is faster."""

from __future__ import annotations

import pytest

from codegym.benchmarks.speed.training import TrainingBenchmark, _result, _spec
from codegym.benchmarks.speed.training_trl import peak_memory, present_memory, reward
from codegym.cli import main
from codegym.envs.problems.catalog import load_problems
from codegym.envs.score import score

PROBLEMS = "katas:rules-chain-2"


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    from transformers import LlamaConfig, LlamaForCausalLM

    from codegym.agents.language_model.load import LanguageModel
    from codegym.agents.language_model.tiny import tokenizer

    folder = tmp_path_factory.mktemp("model")
    config = LlamaConfig(
        vocab_size=512, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    LanguageModel(LlamaForCausalLM(config), tokenizer(), "nobody", few_shot="", ends_itself=True).save(folder)
    return _spec(TrainingBenchmark(model=str(folder), problems=PROBLEMS, prompts=2))


def test_the_peers_reward_is_ours(spec):
    assert len(spec["items"]) == spec["prompts"] == 2
    for item, problem in zip(spec["items"], load_problems(PROBLEMS).split("train"), strict=False):
        reference = problem.references[0].removeprefix(item["given"])
        assert item["prompt"].endswith(item["given"])
        for completion in (reference, "\n    return None", "\n    return 1 // 0", "\n    return ((", "\n    return y"):
            assert reward(item, completion) == score(problem, item["given"] + completion).reward


def test_a_ratio_above_one_is_faster_and_a_memory_ratio_below_one_is_smaller():
    phase = {"rollout": 1.0, "execution": 0.5, "scoring": 0.25, "update": 0.25}
    ours = {"steps": [9.0, 2.0, 2.0], "phases": [phase] * 3, "memory": 100, "processor": [1.0, 1.0]}
    theirs = {"steps": [99.0, 6.0, 6.0], "memory": 400, "processor": [4.0, 4.0]}
    grpo = {"steps": [9.0, 3.0, 3.0], "memory": 50, "processor": [2.0, 2.0]}
    runs = {"ours_ppo": [ours], "trl_ppo": [theirs], "ours_grpo": [ours], "trl_grpo": [grpo]}
    result = _result(TrainingBenchmark(), runs)
    assert result["ratios"] == {"trl_ppo": 3.0, "trl_grpo": 1.5}
    assert result["processor_ratios"] == {"trl_ppo": 4.0, "trl_grpo": 2.0}
    assert result["memory_ratios"] == {"trl_ppo": 0.25, "trl_grpo": 2.0}
    assert result["seconds"]["ours"] == phase and result["seconds"]["trl_ppo"] == 6.0
    assert result["samples_per_second"]["ours_ppo"] == 64.0


def test_memory_is_of_this_process():
    assert 1 << 20 < present_memory() <= peak_memory() * 1.1


@pytest.mark.parametrize(
    "words", [["training", "--steps", "1"], ["training", "--rounds", "0"], ["generation", "--max-tokens", "1"]]
)
def test_a_benchmark_that_makes_no_sense_is_one_line_and_exit_2(capsys, words):
    assert main(["bench", *words]) == 2
    assert "needs" in capsys.readouterr().err
