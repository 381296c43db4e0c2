"""Programs with a C++ twin: lines of numbers, counters of words, stacks and queues, pictures of characters."""

from __future__ import annotations

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import combine, program_kata

_PER_LINE = {
    "sum": ("sum(xs)", "std::accumulate(xs.begin(), xs.end(), 0)", "the sum of its numbers"),
    "largest": ("max(xs)", "*std::max_element(xs.begin(), xs.end())", "its largest number"),
    "smallest": ("min(xs)", "*std::min_element(xs.begin(), xs.end())", "its smallest number"),
    "span": (
        "max(xs) - min(xs)",
        "*std::max_element(xs.begin(), xs.end()) - *std::min_element(xs.begin(), xs.end())",
        "the difference of its largest and its smallest number",
    ),
    "ends": ("xs[0] + xs[-1]", "xs.front() + xs.back()", "the sum of its first and its last number"),
}
_SHOWN = {
    "some": ("value != 0", "value != 0", " if that is not 0"),
    "above": ("value > {c}", "value > {c}", " if that is greater than {c}"),
    "even": ("value % 2 == 0", "value % 2 == 0", " if that is even"),
    "multiple": ("value % {c} == 0", "value % {c} == 0", " if that is divisible by {c}"),
}
_HEAD = "#include <algorithm>\n#include <iostream>\n#include <map>\n#include <numeric>\n#include <sstream>\n#include <string>\n#include <vector>\n"


def _lines(parameters: Parameters, draws: Draws) -> Kata:
    each, shown, c = parameters
    value, _, said = _PER_LINE[each]
    test, _, when = (text.format(c=c) for text in _SHOWN[shown])
    fixed = ["1 2 3\n4 5\n", "7\n", f"{c} 0\n{c + 1}\n{c - 1} 1\n", "0 0\n-4 2 -4\n", f"{c} {c} {c}\n{2 * c}\n1\n"]
    drawn = [
        "".join(" ".join(map(str, draws.numbers(draws.between(1, 5), -6, 14))) + "\n" for _ in range(n))
        for n in (3, 4, 5, 6)
    ]
    return program_kata(
        draws,
        (
            f"Each line has one or more numbers. For every line print {said}{when}. At the end print how many lines were printed.",
            f"Read lines of numbers; print {said} for each line{when}, and last the number of lines printed before.",
        ),
        (
            f"count = 0\nwhile True:\n    try:\n        xs = list(map(int, input().split()))\n    except EOFError:\n        break\n"
            f"    value = {value}\n    if {test}:\n        print(value)\n        count += 1\nprint(count)",
            f"import sys\nvalues = [{value} for xs in (list(map(int, line.split())) for line in sys.stdin)]\n"
            f"shown = [value for value in values if {test}]\nprint(*shown, len(shown), sep='\\n')",
        ),
        [*fixed, *drawn],
        plan=("read line after line.", f"Print {said}{when}.", "Count the printed lines."),
    )


def lines_cpp(parameters: Parameters) -> str:
    """The C++ program of `stream-lines`."""
    each, shown, c = parameters
    return (
        _HEAD + "int main() {\n    std::string line;\n    int count = 0;\n    while (std::getline(std::cin, line)) {\n"
        "        std::istringstream numbers(line);\n        std::vector<int> xs;\n        int x;\n        while (numbers >> x) xs.push_back(x);\n"
        f"        int value = {_PER_LINE[each][1]};\n        if ({_SHOWN[shown][1].format(c=c)}) {{\n"
        '            std::cout << value << "\\n";\n            count++;\n        }\n    }\n    std::cout << count << "\\n";\n}'
    )


_BOX = {"stack": ("pop()", "back", "last"), "queue": ("pop(0)", "front", "first")}
_EXTRA = {
    "double": ("box.append(2 * x)", "box.push_back(2 * x);", "puts twice that number in"),
    "drop": ("pass", "", "does nothing more"),
    "more": ("box.append(x + {c})", "box.push_back(x + {c});", "puts that number plus {c} in"),
    "both": (
        "box.append(x)\n            box.append({c})",
        "box.push_back(x); box.push_back({c});",
        "puts that number and then {c} in",
    ),
}


def _box(parameters: Parameters, draws: Draws) -> Kata:
    kind, extra, c = parameters
    take, _, which = _BOX[kind]
    act, _, words = (text.format(c=c) for text in _EXTRA[extra])
    fixed = [
        "put 3\nput 4\nuse\n",
        "use\n",
        "put 1\nuse\nuse\nput 2\n",
        f"put {c}\nput 0\nput 5\nuse\nuse\n",
        "put 9\n",
    ]
    drawn = [
        "".join(
            draws.choice((f"put {draws.between(0, 20)}\n", f"put {draws.between(0, 9)}\n", "use\n")) for _ in range(n)
        )
        for n in (6, 9, 12, 15)
    ]
    read = "try:\n        words = input().split()\n    except EOFError:\n        break\n"
    return program_kata(
        draws,
        (
            f"'put N' puts the number N at the end of a box. 'use' removes the {which} number, prints it and {words}; it prints empty if "
            "the box is. At the end print the sum of the box.",
            f"Keep a box of numbers. Lines are 'put N' (N goes to the end) and 'use': print and remove the {which} number; this also {words}. "
            "For an empty box print empty. Last, print the sum of what is in the box.",
        ),
        (
            f"box = []\nwhile True:\n    {read}    if words[0] == 'put':\n        box.append(int(words[1]))\n    else:\n"
            f"        if box:\n            x = box.{take}\n            print(x)\n            {act}\n        else:\n            print('empty')\nprint(sum(box))",
            f"import sys\nbox = []\nfor line in sys.stdin:\n    if line.startswith('put'):\n        box += [int(line[4:])]\n    elif not box:\n"
            f"        print('empty')\n    else:\n        x = box.{take}\n        print(x)\n        if True:\n            {act}\nprint(sum(box))",
        ),
        [*fixed, *drawn],
        plan=("keep a list and read line after line.", f"use takes the {which} number, prints it and {words}.", "Print the sum."),
    )  # fmt: skip


def box_cpp(parameters: Parameters) -> str:
    """The C++ program of `stream-box`."""
    kind, extra, c = parameters
    end = _BOX[kind][1]
    remove = "box.pop_back();" if end == "back" else "box.erase(box.begin());"
    return (
        _HEAD
        + "int main() {\n    std::vector<int> box;\n    std::string word;\n    int x;\n    while (std::cin >> word) {\n"
        '        if (word == "put") {\n            std::cin >> x;\n            box.push_back(x);\n        } else if (box.empty()) {\n'
        f'            std::cout << "empty\\n";\n        }} else {{\n            x = box.{end}();\n            {remove}\n'
        f'            std::cout << x << "\\n";\n            {_EXTRA[extra][1].format(c=c)}\n        }}\n    }}\n'
        '    std::cout << std::accumulate(box.begin(), box.end(), 0) << "\\n";\n}'
    )


def _counts(parameters: Parameters, draws: Draws) -> Kata:
    least, longest, order = parameters
    said = {
        "name": "in alphabetical order",
        "count": "the most frequent first, equally frequent ones in alphabetical order",
    }[order]
    key = {"name": "word", "count": "(-counts[word], word)"}[order]
    test = f"counts[word] >= {least} and len(word) <= {longest}"
    words = ("a", "tea", "bus", "to", "water", "apple", "it", "zebra", "on", "banana")
    fixed = [
        "tea bus tea\n",
        "a\n",
        "it it it it\nto to\n",
        " ".join([w for w in words for _ in range(least)]) + "\n",
        "\n",
    ]
    fixed.append(" ".join(["abcdefgh"[: longest + more] for more in (-1, 0, 1) for _ in range(least + 1)]) + "\n")
    drawn = [
        " ".join(draws.choice(words) for _ in range(n))
        + "\n"
        + " ".join(draws.choice(words[:4]) for _ in range(n))
        + "\n"
        for n in (5, 9, 14)
    ]
    return program_kata(
        draws,
        (
            f"Print every word of the input that occurs at least {least} times and has at most {longest} letters, with its count, one a line, {said}.",
            f"Count the words of the input. For those with {least} or more occurrences and no more than {longest} letters print word and count, {said}.",
        ),
        (
            "counts = {}\nwhile True:\n    try:\n        line = input()\n    except EOFError:\n        break\n    for word in line.split():\n"
            f"        counts[word] = counts.get(word, 0) + 1\nfor word in sorted(counts, key=lambda word: {key}):\n    if {test}:\n        print(word, counts[word])",
            f"import sys\nfrom collections import Counter\ncounts = Counter(sys.stdin.read().split())\nkept = [word for word in counts if {test}]\n"
            f"kept.sort(key=lambda word: {key})\nfor word in kept:\n    print(f'{{word}} {{counts[word]}}')",
        ),
        [*fixed, *drawn],
        plan=("count the words of all lines.", f"Keep words with {least} or more occurrences and at most {longest} letters.", f"Print them {said}."),
    )  # fmt: skip


def counts_cpp(parameters: Parameters) -> str:
    """The C++ program of `stream-counts`."""
    least, longest, order = parameters
    key = "-entry.second" if order == "count" else "0"
    return (
        _HEAD
        + "int main() {\n    std::map<std::string, int> counts;\n    std::string word;\n    while (std::cin >> word) counts[word]++;\n"
        "    std::vector<std::pair<int, std::string>> kept;\n    for (const auto& entry : counts)\n"
        f"        if (entry.second >= {least} && entry.first.size() <= {longest}) kept.push_back({{{key}, entry.first}});\n"
        "    std::sort(kept.begin(), kept.end());\n"
        '    for (const auto& item : kept) std::cout << item.second << " " << counts[item.second] << "\\n";\n}'
    )


_CELLS = {
    "up": ("r > 0 and rows[r - 1][c]", "r > 0 && rows[r - 1][c]", "above it"),
    "left": ("c > 0 and rows[r][c - 1]", "c > 0 && rows[r][c - 1]", "to its left"),
    "down": ("r + 1 < len(rows) and rows[r + 1][c]", "r + 1 < rows.size() && rows[r + 1][c]", "below it"),
    "right": ("c + 1 < len(rows[r]) and rows[r][c + 1]", "c + 1 < rows[r].size() && rows[r][c + 1]", "to its right"),
}
_MARKS = ("#", "o", "x")


def _picture(parameters: Parameters, draws: Draws) -> Kata:
    where, mark, other = parameters
    test, _, said = _CELLS[where]
    fixed = [
        f"{mark}{other}\n{other}{mark}\n",
        f"{mark}\n",
        f"{mark}{other}.\n.{mark}{other}\n{other}{other}{mark}\n",
        "..\n..\n",
    ]
    drawn = [
        "".join(draws.word(f"{mark}{other}.", width) + "\n" for _ in range(height))
        for height, width in ((2, 3), (3, 3), (3, 5), (5, 4), (1, 6), (6, 1))
    ]
    return program_kata(
        draws,
        (
            f"The input is a picture of equally long lines. Count the cells {mark} that have the character {other} directly {said}. Print the picture's "
            "height, its width and this number in one line.",
            f"Read a picture, all lines equally long, and print its height, its width and how many characters {mark} have the character {other} directly {said}.",
        ),
        (
            "rows = []\nwhile True:\n    try:\n        rows.append(input())\n    except EOFError:\n        break\ncount = 0\nfor r in range(len(rows)):\n"
            f"    for c in range(len(rows[r])):\n        if rows[r][c] == {mark!r} and {test} == {other!r}:\n            count += 1\n"
            "print(len(rows), len(rows[0]), count)",
            f"import sys\nrows = sys.stdin.read().split()\ncells = [(r, c) for r, row in enumerate(rows) for c, cell in enumerate(row) if cell == {mark!r}]\n"
            f"print(len(rows), len(rows[0]), sum({test} == {other!r} for r, c in cells))",
        ),
        [*fixed, *drawn],
        plan=("read the picture as a list of lines.", f"Look at what is {said} of each {mark}.", "Print height, width and count."),
    )  # fmt: skip


def picture_cpp(parameters: Parameters) -> str:
    """The C++ program of `stream-picture`."""
    where, mark, other = parameters
    return (
        _HEAD
        + "int main() {\n    std::vector<std::string> rows;\n    std::string line;\n    while (std::getline(std::cin, line)) rows.push_back(line);\n"
        "    int count = 0;\n    for (size_t r = 0; r < rows.size(); r++)\n        for (size_t c = 0; c < rows[r].size(); c++)\n"
        f"            if (rows[r][c] == '{mark}' && {_CELLS[where][1]} == '{other}') count++;\n"
        '    std::cout << rows.size() << " " << rows[0].size() << " " << count << "\\n";\n}'
    )


CPP = {"stream-lines": lines_cpp, "stream-box": box_cpp, "stream-counts": counts_cpp, "stream-picture": picture_cpp}
"""The families here and what writes their C++ programs."""

FAMILIES = (
    Family("stream-lines", lambda: [p for p in combine(_PER_LINE, _SHOWN, range(3, 8)) if p[2] == 3 or p[1] in ("above", "multiple")], lambda p: p, _lines, (48, 6, 6), ("programs", "lists")),
    Family("stream-box", lambda: [p for p in combine(_BOX, _EXTRA, range(2, 6)) if p[2] == 2 or p[1] in ("more", "both")], lambda p: p, _box, (14, 2, 2), ("programs", "simulation")),
    Family("stream-counts", lambda: combine(range(2, 5), range(3, 7), ("name", "count")), lambda p: p, _counts, (18, 3, 2), ("programs", "dicts")),
    Family("stream-picture", lambda: [p for p in combine(_CELLS, _MARKS, _MARKS) if p[1] != p[2]], lambda p: p, _picture, (18, 3, 2), ("programs", "strings")),
)  # fmt: skip
