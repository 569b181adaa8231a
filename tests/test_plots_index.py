"""Every picture has a frame, the same arguments as it, and a row in the index of the package."""

import inspect
import re

import pytest

from hierbayes import plots

PICTURES = [name.removeprefix("plot_") for name in plots.__all__ if name.startswith("plot_")]
HELPERS = {"ellipse", "shadow"}  # frames that other pictures draw
DRAWING = {"ax", "figsize"}
HOW = {"shrinkage": {"against"}, "simulated_school": {"step"}}  # the frame holds all of it


def test_the_index_has_every_picture_once() -> None:
    rows = re.findall(r"^``(\w+)``  ", plots.__doc__ or "", flags=re.MULTILINE)
    assert sorted(rows) == sorted(PICTURES)


def test_every_frame_is_drawn() -> None:
    frames = {name.removesuffix("_frame") for name in plots.__all__ if name.endswith("_frame")}
    assert frames - HELPERS == set(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_takes_what_its_frame_takes(name: str) -> None:
    drawn = inspect.signature(getattr(plots, f"plot_{name}")).parameters
    asked = inspect.signature(getattr(plots, f"{name}_frame")).parameters
    assert set(drawn) - DRAWING - HOW.get(name, set()) == set(asked)
    for one in DRAWING:
        assert drawn[one].kind is inspect.Parameter.KEYWORD_ONLY and drawn[one].default is None
    for one, stated in asked.items():
        assert drawn[one].kind == stated.kind
    doc = inspect.getdoc(getattr(plots, f"plot_{name}")) or ""
    assert "figsize : (width, height), optional" in doc and "\nax : " in doc
