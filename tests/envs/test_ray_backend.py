"""The executor over two local Ray nodes: the same outcomes, and no job lost with an actor or a node."""

from __future__ import annotations

import importlib.util
import threading
import time

import pytest

from codegym.envs.errors import OptionError
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.outcome import Job, Verdict
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import Problem, StdioTest

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray: pip install 'codegym[ray]'")
slow_on_a_node = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore"), needs_ray]

SLEEPER = Problem("sleep/0", "print 1", None, hidden_tests=(StdioTest("", "1\n"),))


def sleepers(count: int) -> list[Job]:
    """Distinct right programs that take a while, so that something can happen meanwhile."""
    return [Job(SLEEPER, f"import time\ntime.sleep(0.4)\nprint(1)  # {number}\n") for number in range(count)]


@pytest.fixture(scope="module")
def cluster():
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def executor(cluster):
    with Executor(backend="ray", cache=False) as executor:
        yield executor


class TestTwoNodes:
    pytestmark = slow_on_a_node

    def test_outcomes_are_those_of_one_machine_in_order(self, executor):
        problems = list(load_problems("humaneval"))[:12]
        jobs = [Job(problem, problem.references[0]) for problem in problems]
        jobs += [Job(problems[0], "def has_close_elements(a, b):\n    return None\n"), Job(problems[1], "def (")]
        with Executor(workers=1, cache=False) as local:
            assert executor.run(jobs) == local.run(jobs)
        assert executor.run([]) == []

    def test_the_report_counts_nodes(self, executor):
        report = executor.report()
        assert (report["backend"], report["nodes"], report["workers"]) == ("ray", 2, 2)
        with Executor(workers=1) as local:
            assert report["level"] == local.report()["level"]

    def test_an_error_about_a_job_is_raised_as_it_is(self, executor):
        with pytest.raises(OptionError, match="call tests"):
            from codegym.envs.problems.problem import CallTest

            executor.run([Job(Problem("x/0", "", "f", hidden_tests=(CallTest((), 1),), language="cpp"), "")])

    def test_a_killed_actor_loses_no_job(self, executor):
        import ray

        executor.run(sleepers(2))
        victim = next(iter(executor._cluster._actors.values())).handle
        killer = threading.Timer(1.0, lambda: ray.kill(victim))
        killer.start()
        outcomes = executor.run(sleepers(16))
        killer.join()
        assert [outcome.verdict for outcome in outcomes] == [Verdict.PASS] * 16
        assert executor.statistics["restarts"] == 1
        assert executor.report()["nodes"] == 2  # it lives again on its node

    def test_a_lost_node_loses_no_job(self, cluster, executor):
        third = cluster.add_node(num_cpus=1)
        assert executor.report()["nodes"] == 3
        killer = threading.Timer(1.0, lambda: cluster.remove_node(third, allow_graceful=False))
        killer.start()
        outcomes = executor.run(sleepers(24))
        killer.join()
        assert [outcome.verdict for outcome in outcomes] == [Verdict.PASS] * 24
        while executor.report()["nodes"] != 2:  # until the cluster has noticed; else this test's own time limit ends it
            time.sleep(0.5)

    def test_jobs_are_infra_only_where_no_node_is_left(self, executor):
        executor.report()
        nodes = dict(executor._cluster._alive())
        executor._cluster._unfit.update(dict.fromkeys(nodes, "said by this test"))
        executor._cluster._actors.clear()
        assert [outcome.verdict for outcome in executor.run(sleepers(3))] == [Verdict.INFRA] * 3
        executor._cluster._unfit.clear()
        assert [outcome.verdict for outcome in executor.run(sleepers(3))] == [Verdict.PASS] * 3


def test_without_ray_one_line_says_what_to_install(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "ray" else real(name, *rest))
    with Executor(backend="ray") as executor, pytest.raises(OptionError, match=r"codegym\[ray\]"):
        executor.run(sleepers(1))
