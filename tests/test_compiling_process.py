"""What another process compiles is there at the end, and nothing rests on there being one."""

import os
import sys
from pathlib import Path

import pytest

from hierbayes.compiling_process import provided_beside

PROVIDER = """
from pathlib import Path

def provide():
    Path(__file__).with_suffix(".done").touch()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of modules that the other process finds where this one would."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    return tmp_path


def test_it_is_done_at_the_end_of_the_block(folder: Path) -> None:
    (folder / "a_provider.py").write_text(PROVIDER)
    with provided_beside("a_provider"):
        pass
    assert (folder / "a_provider.done").exists()


def test_a_process_that_fails_says_nothing(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with provided_beside("no_such_module"):
        pass
    assert capfd.readouterr() == ("", "")


def test_an_error_in_the_block_does_not_wait_for_it(folder: Path) -> None:
    """It is ended, and so never does what it would do after a sleep."""
    late = PROVIDER.replace("Path(__file__)", "__import__('time').sleep(20.0); Path(__file__)")
    (folder / "a_sleeper.py").write_text(late)
    with pytest.raises(KeyError, match="mine"), provided_beside("a_sleeper"):
        raise KeyError("mine")
    assert not (folder / "a_sleeper.done").exists()


@pytest.mark.parametrize(
    ("program", "processors"), [("/usr/bin/R", 2), ("", 2), ("/no/such/python3", 2), (None, 1)]
)
def test_there_need_not_be_one(
    program: str | None, processors: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a_provider.py").write_text(PROVIDER)
    monkeypatch.setattr(sys, "executable", sys.executable if program is None else program)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    with provided_beside("a_provider"):
        pass
    assert not (folder / "a_provider.done").exists()
