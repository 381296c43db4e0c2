"""The tier `easy`: its rule, its table, and what a real model solves of a few problems."""

from __future__ import annotations

from pathlib import Path

from codegym.agents.language_model.agent import LanguageModelAgent
from codegym.agents.language_model.load import LanguageModel
from codegym.benchmarks import easy_tier
from codegym.benchmarks.easy_tier import Options, main, passes, read, tier, write
from codegym.envs.problems.catalog import load_problems

TABLE = Path(__file__).parents[2] / "benchmarks" / "results" / "katas" / "easy.csv"


def test_five_to_sixty_per_cent_are_in_the_tier() -> None:
    measured = {f"katas/x/{passed}": ("f", 20, passed) for passed in range(21)}
    assert tier(measured) == [f"katas/x/{passed}" for passed in range(1, 13)]


def test_the_published_table_is_the_tier() -> None:
    measured = read(TABLE)
    easy = load_problems("katas:easy")
    left = [uri for uri in tier(measured) if uri in load_problems("katas")]
    assert sorted(easy.uris) == left and all("easy" in problem.tags for problem in easy)
    assert all(problem.entry_point == measured[problem.uri][0] for problem in easy)
    assert not any("easy" in problem.tags for problem in load_problems("katas:short", "test") if problem not in easy)


def test_what_is_measured_is_not_measured_again(tmp_path: Path) -> None:
    """A row does not depend on what else is sampled; a table that is full needs no model."""
    uris = load_problems("katas:list-filter-sum", "test").uris[:2]
    agent = LanguageModelAgent(LanguageModel.load("tiny"), max_tokens=40)
    problems = [load_problems("katas")[uri] for uri in uris]
    together = passes(agent, problems, 4)
    assert together == [passes(agent, [problem], 4)[0] for problem in problems]
    full = {uri: ("f", 20, 10) for uri in load_problems("katas:one-operation").uris}
    write(tmp_path / "easy.csv", full)
    assert read(tmp_path / "easy.csv") == full
    options = Options(tmp_path / "easy.csv", "katas:one-operation", model="none", tier=tmp_path / "easy.txt")
    assert main(options) == 0 and (tmp_path / "easy.txt").read_text().split() == sorted(full)
    assert easy_tier.LOW == 0.05 and easy_tier.HIGH == 0.6
