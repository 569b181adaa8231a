"""Progress: a bar in a terminal, one output in a notebook, nothing elsewhere."""

import sys
import warnings
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hierbayes.display.steps import in_notebook, steps


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a kernel without ipywidgets is told: outputs in order, an update marked by >."""
    told: list[str] = []

    def display(data: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert raw and display_id
        told.append(data["text/plain"])
        return SimpleNamespace(update=lambda data, raw: told.append("> " + data["text/plain"]))

    package, module = ModuleType("IPython"), ModuleType("IPython.display")
    package.__dict__["get_ipython"] = lambda: SimpleNamespace(kernel=object())
    module.__dict__["display"] = display
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    return told


def test_a_notebook_has_one_output_that_changes(shown: list[str]) -> None:
    assert in_notebook()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with steps(3, "refits", progress=True) as counted:
            assert list(counted) == [0, 1, 2]
    assert shown == ["0 of 3 refits", "> 1 of 3 refits", "> 2 of 3 refits", "> 3 of 3 refits"]


def test_a_notebook_is_not_told_of_every_step(shown: list[str]) -> None:
    with steps(10_050, "refits", progress=True) as counted:
        assert sum(counted) == 10_050 * 10_049 // 2
    assert len([text for text in shown if not text.startswith(">")]) == 1
    assert len(shown) <= 103
    assert shown[-1] == "> 10050 of 10050 refits"


def test_nothing_is_shown_where_none_is_asked_for(shown: list[str]) -> None:
    with steps(3, "refits", progress=False) as counted:
        assert list(counted) == [0, 1, 2]
    assert shown == []


def test_a_file_gets_no_flood(capsys: pytest.CaptureFixture[str]) -> None:
    with steps(500, "refits", progress=True) as counted:
        assert len(list(counted)) == 500
    captured = capsys.readouterr()
    assert len((captured.out + captured.err).splitlines()) <= 2
