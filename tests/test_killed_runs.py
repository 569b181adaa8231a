"""What a killed run leaves behind, the next one clears; a run that goes on is left alone."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hierbayes.report.folder import MANIFEST, new_folder
from hierbayes.report.scratch import clear_killed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks are of POSIX")
ROOT = Path(__file__).parents[1]

WAITS = """
import sys, time
from pathlib import Path
from hierbayes.report.folder import new_folder
with new_folder(Path(sys.argv[1])) as folder:
    (folder / "half.txt").write_text("half")
    print("ready", flush=True)
    time.sleep(600)
"""
MOVED_AWAY = """
import os, sys
from pathlib import Path
from hierbayes.report.folder import new_folder
with new_folder(Path(sys.argv[1])) as folder:
    rename = Path.rename
    def once(self, to):
        rename(self, to)
        os.kill(os.getpid(), 9)
    Path.rename = once
"""


def start(code: str, target: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def hidden(parent: Path) -> list[str]:
    return sorted(path.name for path in parent.iterdir() if path.name.startswith("."))


def write(target: Path, text: str) -> None:
    with new_folder(target) as folder:
        (folder / MANIFEST).write_text('{"made_by": "hierbayes", "files": ["a.txt"]}')
        (folder / "a.txt").write_text(text)


@pytest.mark.slow
def test_the_next_run_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    with start(WAITS, tmp_path / "killed") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        clear_killed(tmp_path)
        assert len(hidden(tmp_path)) == 2  # the folder and its lock: it goes on
        process.send_signal(signal.SIGKILL)
    assert len(hidden(tmp_path)) == 2
    write(tmp_path / "other", "whole")
    assert hidden(tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other"]


@pytest.mark.slow
def test_a_result_that_was_moved_away_is_put_back(tmp_path: Path) -> None:
    target = tmp_path / "result"
    write(target, "previous")
    with start(MOVED_AWAY, target) as process:
        process.wait()
    assert not target.exists()
    clear_killed(tmp_path)
    assert (target / "a.txt").read_text() == "previous"
    assert hidden(tmp_path) == []


def test_folders_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / ".hierbayes-notes").mkdir()
    (tmp_path / ".hierbayes-notes" / "mine.txt").write_text("mine")
    (tmp_path / ".hierbayes-abc").mkdir()  # of an older version, without a lock
    (tmp_path / ".hierbayes-abc" / "new").mkdir()
    write(tmp_path / "result", "whole")
    assert hidden(tmp_path) == [".hierbayes-notes"]


def test_runs_side_by_side(tmp_path: Path) -> None:
    with new_folder(tmp_path / "one") as one, new_folder(tmp_path / "two") as two:
        (one / "a.txt").write_text("1")
        (two / "a.txt").write_text("2")
    assert hidden(tmp_path) == []
    assert [(tmp_path / name / "a.txt").read_text() for name in ("one", "two")] == ["1", "2"]
