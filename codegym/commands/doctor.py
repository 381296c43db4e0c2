"""`codegym doctor`: what this machine offers, and what would improve it."""

from __future__ import annotations

import json as json_module
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Options:
    """Say what this machine offers: isolation layers (on, off and why), languages, devices, problem sets, cache."""

    json: bool = False
    """Print JSON instead of a table."""


def main(options: Options) -> int:
    """Print the report; always 0: a machine with few layers is no error."""
    report = examine()
    if options.json:
        print(json_module.dumps(report, indent=2))
    else:
        _print(report)
    return 0


def examine() -> dict[str, Any]:
    """Look at this machine; nothing that is missing raises."""
    from codegym.envs.execution import isolation
    from codegym.envs.execution.executor import Executor

    comparison = {"name": "comparison", "number": 0, "on": True, "why": "expected values stay with the judge"}
    try:
        if platform.system() != "Linux":
            raise OSError("needs Linux")
        with Executor(workers=1) as executor:
            found = executor.report()
        layers, level = [comparison, *found["layers"]], found["level"]
    except (OSError, RuntimeError) as error:
        off = [
            {"name": name, "number": number, "on": False, "why": str(error)}
            for number, name in enumerate(isolation.LAYERS, 1)
        ]
        layers, level = [comparison, *off], 0
    report: dict[str, Any] = {
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "level": level,
        "layers": layers,
        "languages": _languages(),
        "helpers": _helpers(),
        "devices": _devices(),
        "problems": _problems(),
        "cache": _cache(),
    }
    report["suggestions"] = list(_suggestions(report))
    return report


def _languages() -> dict[str, Any]:
    from codegym.envs.execution.cpp_toolchain import why_missing

    python = {
        "available": True,
        "interpreter": sys.executable,
        "version": platform.python_version(),
        "coverage": "sys.monitoring" if sys.version_info >= (3, 12) else "probes in the program",
    }
    compiler = shutil.which("g++")
    version = ""
    if compiler:
        said = subprocess.run([compiler, "-dumpfullversion"], capture_output=True, text=True, check=False)
        version = said.stdout.strip()
    why = why_missing()
    return {
        "python": python,
        "cpp": {"available": not why, "interpreter": compiler or "", "version": version, "why": why},
    }


def _helpers() -> list[dict[str, Any]]:
    """The optional helpers in C; without one Python does the same, more slowly."""
    from codegym.envs import token_rows
    from codegym.envs.execution import fork_server

    found = {"programs": fork_server.examine(), "vector environments": token_rows.examine()}
    return [{"name": name, "on": bool(path), "why": why} for name, (path, why) in found.items()]


def _devices() -> dict[str, Any]:
    found: dict[str, Any] = {"cores": len(os.sched_getaffinity(0)), "torch": "", "accelerators": []}
    try:
        import torch
    except (ImportError, OSError) as error:
        found["why"] = f"torch does not import: {error}"
        return found
    found["torch"] = torch.__version__
    found["accelerators"] = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return found


def _problems() -> list[dict[str, Any]]:
    from codegym.envs.errors import CodegymError
    from codegym.envs.problems.catalog import load_problems, set_names
    from codegym.envs.problems.sources.reading import offline

    rows: list[dict[str, Any]] = []
    for name in set_names():
        try:
            with offline():
                rows.append({"set": name, "problems": len(load_problems(name)), "why": ""})
        except CodegymError as error:
            rows.append({"set": name, "problems": 0, "why": str(error)})
    return rows


def _cache() -> dict[str, Any]:
    folder = Path(os.environ.get("CODEGYM_CACHE") or Path.home() / ".cache" / "codegym").expanduser()
    existing = next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else 0
    return {"folder": str(folder), "writable": os.access(existing, os.W_OK), "bytes": size}


def _suggestions(report: dict[str, Any]) -> Iterator[str]:
    advice = {
        "seccomp": "seccomp is off: use a kernel with CONFIG_SECCOMP_FILTER, or an outer sandbox around codegym.",
        "landlock": "Landlock is off: use Linux 5.13 or newer with `landlock` among the kernel's lsm=.",
        "namespaces": "Namespaces are off: allow unprivileged user namespaces, or (docker) run with "
        "--security-opt seccomp=unconfined.",
        "cgroup": "The control group is off: `systemd-run --user --scope -p Delegate=yes` bounds the memory of all "
        "programs together.",
    }
    if not report["platform"].startswith("Linux"):
        yield "Only layers 0 and 1 exist here: run untrusted programs on Linux."
        return
    yield from (advice[layer["name"]] for layer in report["layers"] if not layer["on"] and layer["name"] in advice)
    if not report["languages"]["cpp"]["version"]:
        yield "C++ problems need g++."
    if not report["devices"]["torch"]:
        yield "Language models need torch: pip install 'codegym[agents]'."
    elif not report["devices"]["accelerators"]:
        yield "Torch sees no accelerator: models larger than `tiny` are slow."
    if any(not row["problems"] for row in report["problems"]):
        yield "Problem sets that are missing are read from the folder in CODEGYM_DATA."
    if not report["cache"]["writable"]:
        yield "The cache folder cannot be written: set CODEGYM_CACHE."


def _print(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(f"[bold]Isolation[/bold]: level {report['level']} of 5 on {report['platform']}")
    table = Table(box=None, pad_edge=False, show_header=False)
    for layer in report["layers"]:
        state = "[green]on[/green]" if layer["on"] else "[yellow]off[/yellow]"
        table.add_row(f"  {layer['number']}", layer["name"], state, layer["why"])
    console.print(table)
    console.print("[bold]Languages[/bold]")
    for name, language in report["languages"].items():
        state = "[green]on[/green] " if language["available"] else "[yellow]off[/yellow]"
        detail = " ".join(str(language.get(key, "")) for key in ("version", "interpreter", "coverage", "why")).strip()
        console.print(f"  {name:<7} {state} {detail}")
    console.print("[bold]Helpers in C[/bold] (optional: for speed)")
    for helper in report["helpers"]:
        state = "[green]on[/green] " if helper["on"] else "[yellow]off[/yellow]"
        console.print(f"  {helper['name']:<19} {state} {helper['why']}")
    devices = report["devices"]
    console.print("[bold]Devices[/bold]")
    accelerators = ", ".join(devices["accelerators"]) or "no accelerator"
    console.print(f"  {devices['cores']} cores; torch {devices['torch'] or 'not installed'}; {accelerators}")
    console.print("[bold]Problems[/bold]")
    for row in report["problems"]:
        if row["problems"]:
            console.print(f"  [green]{row['set']:<18}[/green] {row['problems']}")
    absent = ", ".join(row["set"] for row in report["problems"] if not row["problems"])
    if absent:
        console.print(f"  [yellow]not found[/yellow]          {absent}")
    cache = report["cache"]
    access = "" if cache["writable"] else " [red](not writable)[/red]"
    console.print(f"[bold]Cache[/bold]\n  {cache['folder']}{access}, {cache['bytes'] / 1e6:.1f} MB")
    for suggestion in report["suggestions"]:
        console.print(f"[yellow]-[/yellow] {suggestion}")
