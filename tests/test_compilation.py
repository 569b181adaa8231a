"""Machine code kept on disk is outdated by a change of whatever a function calls."""

import dis
import importlib
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba.core.caching import NullCache

from hierbayes.code_version import code_of, named_in
from hierbayes.compilation import compiled, inner, lent
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.design.sparse_products import _added, _products
from hierbayes.estimation.sparse_walk import walk

INNER = """
from hierbayes.compilation import inner
from kept.constants import SHIFT

@inner
def shifted(x):
    return x + SHIFT
"""
OUTER = """
from numba import types
from hierbayes.compilation import callback, compiled
from kept.inner import shifted

@compiled()
def twice(x):
    return 2.0 * shifted(x)

def in_C(x):
    return 2.0 * shifted(x)

as_C = callback(types.float64(types.float64))(in_C)
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Modules written, imported anew and compiled; what is kept on disk is that of this test."""
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", str(tmp_path / "machine_code"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    folder = tmp_path / "kept"
    folder.mkdir()

    def imported(shift: str, inner: str = INNER) -> tuple[Any, Any]:
        texts = {"__init__": "", "constants": f"SHIFT = {shift}", "inner": inner, "outer": OUTER}
        for name, text in texts.items():
            path = folder / f"{name}.py"
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
            sys.modules.pop(f"kept.{name}", None)
        sys.modules.pop("kept", None)
        importlib.invalidate_caches()
        module = importlib.import_module("kept.outer")
        return module.twice, module.as_C

    yield imported
    for name in ("", ".constants", ".inner", ".outer"):
        sys.modules.pop(f"kept{name}", None)


def test_code_is_loaded_while_nothing_changes(kept: Any) -> None:
    for compiled_before in (False, True):
        twice, as_C = kept("1.0")
        assert (twice(2.0), as_C.ctypes(2.0)) == (6.0, 6.0)
        assert sum(twice.stats.cache_hits.values()) == as_C.cache_hits == compiled_before


@pytest.mark.parametrize(
    "change",
    [("2.0", INNER), ("1.0", INNER.replace("x + SHIFT", "x + SHIFT + 1.0"))],
    ids=["a constant", "a function"],
)
def test_a_change_in_another_file_is_followed(kept: Any, change: tuple[str, str]) -> None:
    twice, as_C = kept("1.0")
    assert (twice(2.0), as_C.ctypes(2.0)) == (6.0, 6.0)
    twice, as_C = kept(*change)
    assert (twice(2.0), as_C.ctypes(2.0)) == (8.0, 8.0)


@compiled()
def _arrays(n: int, m: int, out: Any) -> Any:
    """Sums by index of arrays of one, two and three dimensions, and of an empty one."""
    for _ in range(3):  # what was freed is not taken for zeros
        one, two, three = zeros_of(n), room_for((n, m)), zeros_of((m, n, np.int32(2)))
        none = zeros_of((n, 0))
        for i in range(n):
            one[i] += i
            for k in range(m):
                two[i, k] = 10.0 * i + k
                three[k, i, 1] += two[i, k]
    for i in range(n):
        out[0, i], out[1, i] = one[i], two[i].sum()
        out[2, i], out[3, i] = three[:, i].sum(), none.size
    return two, three


@pytest.mark.parametrize(
    ("way", "several"), [({"short_loops": True}, False), ({"side_by_side": True}, True)]
)
def test_loops_are_not_unrolled_and_do_several_numbers_at_once_if_asked(
    way: dict[str, bool], several: bool
) -> None:
    @compiled(**way)
    def sums(rows: Any, out: Any) -> None:
        for i in range(rows.shape[0]):
            for c in range(rows.shape[1]):
                out[c] += rows[i, c]

    sums._cache = NullCache()  # code from disk cannot be looked at
    rows, out = np.arange(39.0).reshape(3, 13), np.zeros(13)
    sums(rows, out)
    assert out.tolist() == rows.sum(axis=0).tolist()
    code = next(iter(sums.inspect_llvm().values()))
    assert code.count("fadd double") == 1
    assert ("x double>" in code) == several


@pytest.mark.parametrize(("way", "counts"), [(inner, True), (lent, False)])
def test_arrays_that_are_lent_are_not_counted(way: Any, counts: bool) -> None:
    @way
    def doubled(rows: Any, out: Any) -> None:
        for i in range(len(rows)):
            out[i] = 2.0 * rows[i]

    @compiled()
    def twice(rows: Any, out: Any) -> None:
        doubled(rows, out)

    twice._cache = NullCache()
    rows, out = np.arange(3.0), np.zeros(3)
    held = sys.getrefcount(rows), sys.getrefcount(out)
    twice(rows, out)
    assert (sys.getrefcount(rows), sys.getrefcount(out)) == held
    assert out.tolist() == [0.0, 2.0, 4.0]
    (context,) = {one.target_context for one in doubled.overloads.values()}
    assert context.enable_nrt is counts


def test_what_is_lent_arrays_makes_none() -> None:
    made = lent(lambda n: room_for(n)[0], "made")

    @compiled()
    def makes(n: int) -> float:
        return float(made(n))

    makes._cache = NullCache()
    with pytest.raises(numba.errors.NumbaRuntimeError, match="NRT required but not enabled"):
        makes(3)


def _called_by(function: Any, seen: set[Any]) -> set[Any]:
    """A function and all of ours that it calls in compiled code."""
    seen.add(function)
    for _, value in named_in(function):
        called = getattr(value, "py_func", None)
        if called is not None and called not in seen:
            _called_by(called, seen)
    return seen


def test_first_steps_need_little_of_numba() -> None:
    """What numba itself compiles for these took longer than all of ours."""
    functions = set().union(*(_called_by(one.py_func, set()) for one in (walk, _added, _products)))
    assert len(functions) > 40
    dear = {"arange", "copy", "empty", "empty_like", "full", "max", "min", "ones", "sum", "zeros"}
    for function in functions:
        names = set(function.__code__.co_names)
        assert not names & dear, f"{function.__qualname__} calls {names & dear}"
        opcodes = {one.opname for one in dis.get_instructions(function)}
        assert not opcodes & {"BINARY_SLICE", "STORE_SLICE", "BUILD_SLICE"}, function.__qualname__


def test_sets_are_said_in_one_order_in_every_process() -> None:
    known = inner(lambda x: x in {"b", "a", "d", "c"}, "known", {"reassoc", "contract", "arcp"})

    def reads(x: float) -> Any:
        return known(x)

    said = "\n".join(code_of(reads, set()))
    assert "('fastmath', ['arcp', 'contract', 'reassoc'])" in said
    assert "['a', 'b', 'c', 'd']" in said


def test_arrays_made_in_place_are_numpys() -> None:
    out = np.empty((4, 3))
    two, three = _arrays(3, 2, out)
    stated = 10.0 * np.arange(3.0)[:, None] + np.arange(2.0)
    assert two.tolist() == stated.tolist()
    assert three.tolist() == np.stack([np.zeros((2, 3)), stated.T], axis=-1).tolist()
    assert out.tolist() == [[0.0, 1.0, 2.0], [1.0, 21.0, 41.0], [1.0, 21.0, 41.0], [0.0] * 3]
    assert two.strides == (16, 8) and two.flags["C_CONTIGUOUS"] and three.flags["OWNDATA"] is False
