"""TRL and verl: their reward functions, and GRPOTrainer that learns from ours."""

from __future__ import annotations

import pytest

from codegym.agents.adapters.trl import prompt_rows, reward_function
from codegym.agents.adapters.verl import compute_score
from codegym.envs.errors import InfrastructureError, OptionError
from codegym.envs.execution.outcome import Outcome, Verdict
from codegym.envs.problems.catalog import load_problems

KATAS = load_problems("katas:tiny")
PAIR = [KATAS[0], KATAS[1]]


def continuation(problem) -> str:
    return problem.references[0].removeprefix(problem.given)


def test_completions_of_several_problems_are_paid_in_one_batch():
    pay = reward_function("katas:tiny")
    uris = [problem.uri for problem in PAIR]
    completions = [continuation(problem) for problem in PAIR]
    assert pay(prompts=["", ""], completions=completions, problem=uris, completion_ids=[[1], [2]]) == [1.0, 1.0]
    assert pay(completions=["\n    return (", completions[1]], problem=uris, trainer_state=None) == [-1.0, 1.0]
    conversation = [{"role": "assistant", "content": f"```python\n{PAIR[0].references[0]}\n```"}]
    assert pay(completions=[conversation], problem=uris[:1]) == [1.0]


def test_rewards_are_those_that_were_asked_for():
    assert reward_function(PAIR, "binary")(completions=["\n    return 0"], problem=[PAIR[0].uri]) == [0.0]
    assert reward_function(PAIR, lambda outcome: 7)(completions=["x"], problem=[PAIR[0].uri]) == [7.0]
    with pytest.raises(OptionError, match="Did you mean 'ladder'"):
        reward_function("katas", "lader")
    with pytest.raises(OptionError, match='column "problem"'):
        reward_function("katas")(completions=["x"])
    with pytest.raises(OptionError, match="No problem 'katas/none/1'"):
        reward_function("katas")(completions=["x"], problem=["katas/none/1"])


class Broken:
    def run(self, jobs):
        return [Outcome(Verdict.INFRA, message="no workers") for _ in jobs]


def test_what_the_machine_could_not_judge_is_no_reward():
    pay = reward_function(PAIR, executor=Broken())
    assert pay(completions=["x"], problem=[PAIR[0].uri]) == [None]


def test_the_rows_hold_what_our_own_agents_read():
    rows = prompt_rows("katas:tiny", limit=3)
    train = KATAS.split("train")
    assert [row["problem"] for row in rows] == list(train.uris[:3])
    assert all(row["prompt"].endswith(train[row["problem"]].given) for row in rows)
    assert rows[0]["prompt"].startswith("#") and not rows[0]["prompt"].endswith("\n")
    assert len(prompt_rows("humaneval", limit=2)) == 2


def test_verls_signature():
    problem = PAIR[0]
    right = compute_score("anything", problem.references[0], problem.uri, None)
    assert right == {"score": 1.0, "acc": 1.0, "verdict": "PASS"}
    wrong = compute_score(data_source="x", solution_str="def f(", ground_truth=problem.uri, extra_info={"index": 3})
    assert wrong["score"] == -1.0 and wrong["acc"] == 0.0
    named = compute_score("x", "def f(", problem.uri, {"problems": "katas:tiny", "reward": "binary"})
    assert named["score"] == 0.0
    with pytest.raises(OptionError, match="Did you mean"):
        compute_score("x", "", "humanevil/0")


def test_verl_gets_no_score_from_a_broken_machine(monkeypatch):
    from codegym.agents.adapters import verl
    from codegym.agents.adapters.scoring import Scorer

    monkeypatch.setattr(verl, "_scorer", lambda problems, reward: Scorer(PAIR, executor=Broken()))
    with pytest.raises(InfrastructureError, match="no workers"):
        compute_score("x", "", PAIR[0].uri)


def solved(lm, problems) -> float:
    """Share of problems that greedy decoding solves."""
    from codegym.agents.adapters.scoring import Scorer

    prompts = [lm.encode_prompt(row["prompt"]) for row in prompt_rows(problems)]
    generated = lm.generate(prompts, max_tokens=40, seeds=[0] * len(prompts), deterministic=True)
    texts = [lm.vocabulary.decode(sample.ids) for (sample,) in generated]
    outcomes = Scorer(problems)([problem.uri for problem in problems], texts)
    return sum(outcome.verdict is Verdict.PASS for outcome in outcomes) / len(outcomes)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")  # TRL's and its dependencies' own
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_grpo_trainer_learns_from_our_reward(seed, tmp_path):
    trl = pytest.importorskip("trl")
    datasets = pytest.importorskip("datasets")
    import torch

    from codegym.agents.language_model.load import LanguageModel

    torch.set_num_threads(1)
    lm = LanguageModel.load("tiny-buggy")
    held_out = load_problems("katas:tiny").split("test")[:100]
    before = solved(lm, held_out)
    arguments = trl.GRPOConfig(
        output_dir=str(tmp_path), seed=seed, max_steps=12, learning_rate=5e-4, lr_scheduler_type="constant", beta=0.0,
        per_device_train_batch_size=128, num_generations=8, max_completion_length=40, temperature=1.0,
        use_cpu=True, bf16=False, report_to=[], save_strategy="no", logging_steps=1, disable_tqdm=True,
        gradient_checkpointing=False,
    )  # fmt: skip
    trainer = trl.GRPOTrainer(
        model=lm.model,
        processing_class=lm.tokenizer,
        reward_funcs=reward_function("katas:tiny", "fraction"),
        args=arguments,
        train_dataset=datasets.Dataset.from_list(prompt_rows("katas:tiny", limit=1024)),
    )
    trainer.train()
    lm.model.eval()
    after = solved(lm, held_out)
    print(f"GRPOTrainer, seed {seed}: {before:.1%} -> {after:.1%}")
    assert after >= before + 0.15
