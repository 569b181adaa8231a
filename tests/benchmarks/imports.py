"""Imports: wall-clock time of new processes that only import, or only print help."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.benchmarks import processes
from tests.benchmarks.report import Column, Table, seconds, times
from tests.benchmarks.timing import clock, median, race, ratio

BARE = "python -c pass"
OURS = "import hierbayes"
HELP = "hierbayes --help"
RIVALS = {
    "import glmm": "glmm",
    "from mixedlm import lmer": "mixedlm",
    "import statsmodels.formula.api": "statsmodels",
    "import bambi": "bambi",
    "import pymc": "pymc",
}
COLUMNS = (
    Column("command", "command"),
    Column("wall", "wall time", seconds),
    Column("net", f"minus {BARE}", seconds),
    Column("net ratio", f"× {OURS}", times),
    Column("remark", "remark"),
)
NOTES = ("Medians of new processes, in turns, after one of each.",)


def run(quick: bool) -> list[Table]:
    """Time every command that can run here.

    Parameters
    ----------
    quick : bool
        Two processes of each instead of seven.

    Returns
    -------
    list of Table
        One table.
    """
    remarks = {name: _obstacle(command) for name, command in _commands().items()}
    entries: dict[str, Callable[[], float]] = {
        name: partial(_seconds, command)
        for name, command in _commands().items()
        if command is not None and not remarks[name]
    }
    measured = race(entries, rounds=2 if quick else 7, per_round=1, budget=1.0)
    walls = {name: median(measured.get(name, [])) for name in remarks}
    bare = walls.pop(BARE) or 0.0
    nets = {name: None if wall is None else wall - bare for name, wall in walls.items()}
    rows: list[dict[str, Any]] = [{"command": BARE, "wall": bare, "all": measured[BARE]}]
    rows += [
        {
            "command": name,
            "wall": wall,
            "net": nets[name],
            "net ratio": ratio(nets[name], nets[OURS]),
            "remark": remarks[name],
            "all": measured.get(name, []),
        }
        for name, wall in walls.items()
    ]
    return [Table("Starting", COLUMNS, rows, NOTES)]


def _commands() -> dict[str, list[str] | None]:
    """Command line by name, None where the package is not installed."""
    script = Path(sys.executable).with_name("hierbayes")
    commands: dict[str, list[str] | None] = {
        BARE: [sys.executable, "-c", "pass"],
        OURS: [sys.executable, "-c", OURS] if find_spec("hierbayes") else None,
        HELP: [str(script), "--help"] if script.exists() else None,
    }
    for statement, module in RIVALS.items():
        commands[statement] = [sys.executable, "-c", statement] if find_spec(module) else None
    return commands


def _obstacle(command: list[str] | None) -> str | None:
    """Why a command cannot be timed, None if it can."""
    if command is None:
        return "not installed"
    try:
        processes.run(command)
    except processes.FailedProcessError as failure:
        return f"failed: {failure}"
    return None


def _seconds(command: list[str]) -> float:
    return clock(processes.run, command)[0]
