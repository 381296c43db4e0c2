"""C++ programs: compiled and run behind the wall, their tests apart from them; and what a machine without g++ says."""
# ruff: noqa: E501  (programs in one line)

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from codegym.commands import doctor
from codegym.envs.errors import OptionError
from codegym.envs.execution.audit_worker import tasks
from codegym.envs.execution.cpp_toolchain import why_missing
from codegym.envs.execution.executor import Executor
from codegym.envs.execution.languages import cpp
from codegym.envs.execution.outcome import Job, Outcome, Verdict
from codegym.envs.execution.waiting import waited
from codegym.envs.problems.catalog import load_problems
from codegym.envs.problems.problem import CallTest, InProcessTest, Limits, Problem, ScriptTest, StdioTest
from codegym.envs.score import extract_code

needs_compiler = pytest.mark.skipif(bool(why_missing()), reason=why_missing())
LONG = Limits(seconds=60.0, memory_mb=192)

ISOLATED, LINKED = (replace(tasks(60.0)[name], limits=LONG) for name in ("cpp", "cpp-linked"))
START = ISOLATED.starter
RIGHT = (
    START + "    for (size_t i = 0; i < numbers.size(); i++)\n        for (size_t j = 0; j < i; j++)\n"
    "            if (fabs(numbers[i] - numbers[j]) < threshold) return true;\n    return false;\n}\n"
)


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(workers=2, cache=False) as found:
        yield found


def outcome(executor: Executor, problem: Problem, program: str) -> Outcome:
    return executor.run([Job(problem, program)])[0]


PROGRAMS = {
    "right": (RIGHT, Verdict.PASS, ""),
    "wrong": (START + "return false;}", Verdict.WRONG, "close_elements({1.0, 2.0, 3.9, 4.0, 5.0, 2.2}, 0.3)"),
    "throws": (
        "#include <stdexcept>\n" + START + 'throw out_of_range("far");}',
        Verdict.ERROR,
        "std::out_of_range: far",
    ),
    "ends": ("#include <cstdlib>\n" + START + "exit(0);}", Verdict.ERROR, "status 0 before it had answered"),
    "crashes": (START + "return *(volatile int*)0;}", Verdict.ERROR, "SIGSEGV"),
    "takes memory": (START + "for (;;) new char[1 << 24]{1};}", Verdict.MEMORY, "std::bad_alloc"),
    "syntax": (START + "retur false;}", Verdict.COMPILE, "program.cpp:5:1: error: 'retur' was not declared"),
    "does not define it": ("int f();\n", Verdict.COMPILE, ""),
    "its own main": (RIGHT + "int main() {}", Verdict.COMPILE, "multiple definition of 'main'"),
    "null character": (RIGHT + "\0", Verdict.COMPILE, "null character"),
    "starts a process": ("#include <unistd.h>\n" + START + "fork(); return false;}", Verdict.POLICY, ""),
}


@needs_compiler
@pytest.mark.parametrize(("program", "verdict", "message"), PROGRAMS.values(), ids=PROGRAMS)
def test_verdicts(executor: Executor, program: str, verdict: Verdict, message: str):
    found = outcome(executor, ISOLATED, program)
    assert (found.verdict, found.trust, found.tests_total) == (verdict, "isolated", 1)
    assert message in found.message
    assert "\n" not in found.message
    assert found.policy == (verdict is Verdict.POLICY)
    assert found.level == executor.report()["level"]


@needs_compiler
def test_an_endless_program_times_out(executor: Executor):
    found = outcome(executor, replace(ISOLATED, limits=Limits(seconds=1.0)), START + "for (;;);}")
    assert found.verdict is Verdict.TIMEOUT


@needs_compiler
@pytest.mark.parametrize("name", ["right", "wrong", "ends", "its own main"])
def test_a_test_linked_with_the_program_is_trusted_less(executor: Executor, name: str):
    program, verdict, _ = PROGRAMS[name]
    found = outcome(executor, LINKED, program)
    assert (found.verdict, found.trust) == (verdict, "in-process")


EVERYTHING = (
    "tuple<bool, char, unsigned char, long long, unsigned long long, float, double, long double, string,"
    " vector<vector<string>>, vector<bool>, list<int>, deque<double>, set<string>, multiset<int>, map<string, vector<int>>,"
    " unordered_map<int, string>, unordered_set<string>, pair<int, pair<string, double>>, optional<int>, optional<string>,"
    " array<int, 3>, complex<double>>"
)


@needs_compiler
def test_values_of_all_types_travel_unchanged(executor: Executor):
    start = f"#include <bits/stdc++.h>\nusing namespace std;\nusing T = {EVERYTHING};\nT same(const T& value) {{\n"
    test = """
    int main() {
        T value;
        get<0>(value) = true; get<1>(value) = 'x'; get<2>(value) = 200; get<3>(value) = -9223372036854775807LL - 1;
        get<4>(value) = 18446744073709551615ULL; get<5>(value) = 0.1f; get<6>(value) = 0.1; get<7>(value) = 0.1L;
        get<8>(value) = string("a\\0b", 3); get<9>(value) = {{"x", ""}, {}}; get<10>(value) = {true, false, true};
        get<11>(value) = {1, 2}; get<12>(value) = {-0.5, 1e300}; get<13>(value) = {"b", "a"}; get<14>(value) = {1, 1, 2};
        get<15>(value) = {{"k", {1, 2}}, {"", {}}}; get<16>(value) = {{1, "one"}, {-1, ""}}; get<17>(value) = {"u", "v"};
        get<18>(value) = {7, {"seven", 7.5}}; get<20>(value) = "there"; get<21>(value) = {1, 2, 3}; get<22>(value) = {1.5, -2.5};
        if (same(value) != value) throw runtime_error("changed");
        T another;
        get<6>(another) = NAN;
        if (!isnan(get<6>(same(another)))) throw runtime_error("not a number");
    }"""
    problem = Problem("t/0", "", "same", hidden_tests=(ScriptTest(test),), starter=start, language="cpp", limits=LONG)
    found = outcome(executor, problem, start + "return value;}")
    assert (found.verdict, found.trust, found.message) == (Verdict.PASS, "isolated", "")
    assert (
        outcome(executor, problem, start + "T other = value; get<8>(other).pop_back(); return other;}").message
        == "changed"
    )


@needs_compiler
def test_arguments_come_back_and_unordered_sets_keep_their_order(executor: Executor):
    start = "#include <bits/stdc++.h>\nusing namespace std;\nvoid grow(vector<int>& items, const unordered_set<int>& from) {\n"
    test = """
    int main() {
        unordered_set<int> from;
        for (int i = 0; i < 500; i++) from.insert(i * i * 7919 % 100003);
        vector<int> items{-1}, wanted{-1};
        wanted.insert(wanted.end(), from.begin(), from.end());
        grow(items, from);
        if (items != wanted) throw runtime_error("another order");
    }"""
    problem = Problem("t/1", "", "grow", hidden_tests=(ScriptTest(test),), starter=start, language="cpp", limits=LONG)
    program = start + "for (int x : from) items.push_back(x);}"
    found = outcome(executor, problem, program)
    assert (found.verdict, found.trust, found.message) == (Verdict.PASS, "isolated", "")


SUM = "#include <iostream>\nint main() { long n, x, s = 0; std::cin >> n; while (n--) { std::cin >> x; s += x; } std::cout << s; }"


@needs_compiler
@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        (SUM, Verdict.PASS),
        (SUM.replace("s += x", "s -= x"), Verdict.WRONG),
        (SUM.replace("std::cout << s;", "std::cout << s; return 3;"), Verdict.ERROR),
        ("#include <cstdio>\nint main() { for (;;) puts(\"01234567890123456789\"); }", Verdict.OUTPUT),
        ("#include <cstdio>\nint main() { puts(\"\\xff\"); }", Verdict.OUTPUT),
        ("int main() { return x; }", Verdict.COMPILE),
    ],
)  # fmt: skip
def test_programs_on_standard_input(executor: Executor, program: str, verdict: Verdict):
    cases = (StdioTest("3\n1 2 3\n", "6\n"), StdioTest("1\n-5\n", "-5\n"))
    problem = Problem("t/sum", "", None, hidden_tests=cases, language="cpp", limits=LONG)
    found = outcome(executor, problem, program)
    assert (found.verdict, found.trust) == (verdict, "isolated")
    assert found.tests_total == 2


@needs_compiler
@pytest.mark.parametrize("line", ['#include "{}"', 'asm(".include \\"{}\\"");', 'asm(".incbin \\"{}\\"");'])
def test_the_compiler_tells_nothing_of_the_machine(executor: Executor, tmp_path: Path, line: str):
    secret = tmp_path / "secret"
    secret.write_text("precious_word\n")
    for place in (tmp_path, *tmp_path.parents[:-2]):
        place.chmod(place.stat().st_mode | 0o055)
    secret.chmod(0o644)
    found = outcome(executor, ISOLATED, line.format(secret) + "\n" + RIGHT)
    assert found.verdict is Verdict.COMPILE
    assert "precious_word" not in found.message
    assert (
        "No such file" in found.message
        or "Permission denied" in found.message
        or "can't open" in found.message
        or "not found" in found.message
    )


@needs_compiler
def test_without_walls_the_compilers_words_are_kept_back(tmp_path: Path):
    (tmp_path / "secret").write_text("precious_word\n")
    with Executor(workers=1, layers=("process",), cache=False) as open_house:
        found = outcome(open_house, ISOLATED, f'#include "{tmp_path}/secret"\n{RIGHT}')
    assert found.verdict is Verdict.COMPILE
    assert "kept back" in found.message and "precious_word" not in found.message


@needs_compiler
def test_what_was_compiled_is_not_compiled_again(executor: Executor):
    outcome(executor, ISOLATED, RIGHT)
    before = dict(executor._cpp.statistics)
    with Executor(workers=1, cache=False) as another:
        assert outcome(another, ISOLATED, RIGHT).verdict is Verdict.PASS
        assert another._cpp.statistics["compiled"] == 0
    assert outcome(executor, ISOLATED, RIGHT).verdict is Verdict.PASS
    assert executor._cpp.statistics["compiled"] == before["compiled"]


@needs_compiler
def test_a_lost_spawner_loses_no_job(executor: Executor):
    outcome(executor, ISOLATED, RIGHT)
    os.kill(executor._cpp._jail.process.pid, signal.SIGKILL)
    os.kill(executor._cpp._compiler._jail.process.pid, signal.SIGKILL)
    assert outcome(executor, ISOLATED, RIGHT + "// again").verdict is Verdict.PASS


@needs_compiler
def test_languages_run_side_by_side(executor: Executor):
    python = Problem("t/python", "", "f", hidden_tests=(CallTest((1,), 2),))
    jobs = [Job(ISOLATED, RIGHT), Job(python, "def f(x): return x + 1"), Job(ISOLATED, START + "return false;}")]
    assert [found.verdict for found in executor.run(jobs)] == [Verdict.PASS, Verdict.PASS, Verdict.WRONG]


@needs_compiler
def test_humaneval_x_by_its_references(executor: Executor, data_folder: Path):
    problems = load_problems("humaneval-x-cpp")
    assert len(problems) == 164
    some = [problems[f"humaneval-x-cpp/{number}"] for number in (1, 32, 50, 107, 137)]
    found = executor.run([Job(problem, problem.references[0]) for problem in some])
    assert [(o.verdict, o.trust) for o in found[:-1]] == [(Verdict.PASS, "isolated")] * 4
    if found[-1].verdict is not Verdict.PASS:  # where Boost is installed it passes
        assert "boost/any.hpp" in found[-1].message


@needs_compiler
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("name", "step"), [("humaneval-x-cpp", 1), ("mbxp-cpp", 8)])
def test_every_reference_passes_or_the_data_is_wrong(executor: Executor, data_folder: Path, name: str, step: int):
    problems = [problem for problem in load_problems(name) if problem.references][::step]
    found = executor.run([Job(problem, problem.references[0]) for problem in problems])
    missed = {p.uri for p, o in zip(problems, found, strict=True) if o.verdict is not Verdict.PASS}
    boost = {"humaneval-x-cpp/22", "humaneval-x-cpp/137"}
    undefined = {"mbxp-cpp/777"}  # its solution reads before the beginning of a vector
    assert missed <= boost | undefined
    assert {o.trust for o, p in zip(found, problems, strict=True) if p.uri not in boost} == {"isolated"}


@needs_compiler
@pytest.mark.parametrize("kind", [CallTest((1,), 2)])
def test_call_tests_are_refused(executor: Executor, kind: CallTest):
    with pytest.raises(OptionError, match="t/9: a C\\+\\+ problem takes script, stdio and in-process tests"):
        outcome(executor, Problem("t/9", "", "f", hidden_tests=(kind,), language="cpp"), RIGHT)


def test_a_machine_without_a_compiler_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        Executor(workers=1) as executor,
        pytest.raises(OptionError, match=r"need the compiler g\+\+.*install") as error,
    ):
        outcome(executor, ISOLATED, RIGHT)
    assert "\n" not in str(error.value)
    languages = doctor._languages()
    assert languages["python"]["available"] and not languages["cpp"]["available"]
    assert languages["cpp"]["why"] == str(error.value)


def test_an_unknown_language_is_refused():
    with (
        Executor(workers=1) as executor,
        pytest.raises(OptionError, match=r"Unknown language 'cobol'.*Known: cpp, python"),
    ):
        outcome(executor, Problem("t/2", "", "f", hidden_tests=(CallTest((), 1),), language="cobol"), "")


@pytest.mark.parametrize(
    ("text", "result", "types"),
    [
        ("int f(int a, int b) {", "int", ("int", "int")),
        ("vector<int> f(vector<vector<int>> & a, map<string, int> const& b){", "vector<int>",
         ("vector<vector<int>> &", "map<string, int> const&")),
        ("// f(1) is 2\n/* int f(char x) { */\nlong long f(long long x) {", "long long", ("long long",)),
        ("int f(int a) {\n    return a;\n}\nunsigned  f ( ) {", "unsigned", ()),
        ("std::string f(const std::string s = \"\") {", "std::string", ("const std::string",)),
        ("int f(int a[], int n) {", None, None),
        ("int f(char* a) {", None, None),
        ("int g(int a) {", None, None),
    ],
)  # fmt: skip
def test_how_an_entry_point_is_declared(text: str, result: str | None, types: tuple[str, ...] | None):
    found = cpp.signature(Problem("t/3", "", "f", hidden_tests=(InProcessTest(""),), starter=text, language="cpp"))
    assert (found and found.result, found and found.types) == (result, types)


def test_code_in_a_models_text_becomes_a_program():
    helper = "int half(int x) { return x / 2; }\n"
    start = "#include <vector>\nusing namespace std;\n" + helper + "int f(int x) {\n"
    problem = Problem(
        "t/4", "", "f", (start + "return half(x);}",), hidden_tests=(ScriptTest(""),), starter=start, language="cpp"
    )
    assert extract_code("    return half(x);\n}", problem) == start + "    return half(x);\n}"
    whole = "int f(int x) {\n    return half(x);\n}\n"
    assert extract_code(f"So:\n```cpp\n{whole}```\n", problem) == start.removesuffix("int f(int x) {\n") + whole
    own = "#include <cmath>\n" + helper + whole
    assert extract_code(f"```c++\n{own}```", problem) == "#include <vector>\nusing namespace std;\n" + own


BURN = """#include <ctime>
#include <cstdio>
int main() {{
    while (clock() < {seconds} * CLOCKS_PER_SEC) {{}}
    puts("1");
}}
"""


@needs_compiler
def test_programs_get_as_long_as_their_reference_needs(executor: Executor) -> None:
    limits = Limits(seconds=0.2, reference_factor=4.0, most_seconds=2.0)
    problem = Problem(
        "t/burn", "", None, references=(BURN.format(seconds=0.3),), hidden_tests=(StdioTest("", "1\n"),),
        language="cpp", limits=limits,
    )  # fmt: skip
    found = executor.run([Job(problem, BURN.format(seconds=seconds)) for seconds in (0.5, 3)])
    assert [one.verdict for one in found] == [Verdict.PASS, Verdict.TIMEOUT], found


LATE = {
    "of a stream": (
        '#include <cstdio>\n#include <unistd.h>\nint main() { for (int i = 0; i < 6; i++) sleep(1); puts("1"); }'
    ),
    "of a test": "#include <unistd.h>\n" + RIGHT.replace("    for (size_t i", "    sleep(3);\n    for (size_t i", 1),
}


@needs_compiler
@pytest.mark.parametrize("style", LATE)
def test_on_a_busy_machine_a_program_that_sleeps_is_stopped_as_on_a_calm_one(executor: Executor, style: str) -> None:
    """As for Python; of a test and the program that it questions, both may have waited for a core."""
    if waited(os.getpid()) is None:
        pytest.skip("this kernel does not count")
    limits = Limits(seconds=1.0, most_seconds=1.0)
    stream = Problem("t/late", "", None, hidden_tests=(StdioTest("", "1\n"),), language="cpp")
    problem = replace(stream if style == "of a stream" else ISOLATED, limits=limits)
    burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(8)]
    try:
        found = outcome(executor, problem, LATE[style])
    finally:
        for process in burning:
            process.kill()
            process.wait()
    assert found.verdict is Verdict.TIMEOUT, found
