"""Functions compiled by numba, their machine code kept on disk where that can be written to."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from uuid import uuid4

import llvmlite.binding as llvm
from numba import njit, types
from numba.core.caching import FunctionCache
from numba.core.ccallback import CFunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.registry import cpu_target
from numba.core.sigutils import normalize_signature

from hierbayes.code_version import version_of

_FOUND: set[tuple[Callable[..., Any], Any]] = set()  # on disk: to look takes 15 ms


def compiled(
    *, short_loops: bool = False, side_by_side: bool = False, **options: Any
) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` that caches where it can, and releases Python's lock.

    What loops over few effects is compiled in half the time with ``short_loops``, and what has
    innermost loops over many numbers ``side_by_side`` in less, see `_ShortLoopsLibrary`.  Numba
    keeps machine code beside the source, or in the user's cache folder; where neither can be
    written to (an image that is read only, an account without a home), it refuses the function.
    Then it is compiled without a cache: in each process anew.
    """
    if short_loops:
        options["pipeline_class"] = _ShortLoopsCompiler
    if side_by_side:
        options["pipeline_class"] = _SideBySideCompiler

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = njit(nogil=True, no_cfunc_wrapper=True, **options)(function)
        dispatcher.compile = _nothing_collected()(dispatcher.compile)
        _keep(dispatcher, function)
        return dispatcher

    return decorate


def inner(
    function: Callable[..., Any],
    name: str = "",
    fastmath: bool | set[str] = False,
    *,
    in_loop: bool = False,
    lent: bool = False,
) -> Any:
    """``numba.njit`` of what only compiled code calls.

    It needs no way in from Python, which takes as long to compile as the function, and no machine
    code of its own (`_PartLibrary`).  What is made inside another function, several times, takes a
    ``name`` of its own each time: compiled code finds functions by name, also code that another
    process compiled.  ``fastmath`` is numba's.  What a loop calls (``in_loop``) is made to stand in
    it: a call hands over every part of every array.  What makes no arrays, and asks for none that
    others make, works on those it is ``lent``: numba counts references to every array of every call
    otherwise, in small loops for longer than these compute.
    """
    if name:
        function.__qualname__ = name
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "forceinline": in_loop}
    options["_nrt"] = not lent
    return njit(
        nogil=True, error_model="numpy", fastmath=fastmath, pipeline_class=_PartCompiler, **options
    )(function)


in_loop = partial(inner, in_loop=True)
lent = partial(inner, lent=True)
lent_in_loop = partial(inner, in_loop=True, lent=True)


class _PartLibrary(JITCodeLibrary):
    """Code that only other code calls, left as it is until it stands in what calls it.

    Numba optimises a function, makes machine code of it, and does both again with the copy in
    each function that calls it, at any remove. Of what Python cannot call only the last is used.
    """

    def get_pointer_to_function(self, name: str) -> int:
        """None: there is no machine code."""
        self._ensure_finalized()
        return 0

    @property
    def codegen(self) -> Any:
        """What numba asks to let the machine code know its environment."""
        return self

    def set_env(self, env_name: str, env: Any) -> None:
        """Nothing: there is no machine code, and what calls it runs without, as from disk."""

    def _optimize_final_module(self) -> None:
        """Nothing: done with the whole of what calls it."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


class _ShortLoopsLibrary(JITCodeLibrary):
    """Code without the copies of loops that LLVM makes for eight rounds at once.

    Where there are one or two rounds, they are never come by.
    """

    several_at_once = False  # numbers that are side by side

    def _optimize_final_module(self) -> None:
        """As numba's but for the copies."""
        manager, builder = self._codegen._module_pass_manager(
            loop_vectorize=False, slp_vectorize=False, opt=0, cost="cheap"
        )
        manager.run(self._final_module, builder)
        tuning = llvm.create_pipeline_tuning_options()
        tuning.loop_unrolling = tuning.slp_vectorization = False
        tuning.loop_vectorization = self.several_at_once
        builder = llvm.create_pass_builder(self._codegen._tm, tuning)
        manager = builder.getModulePassManager()
        manager.add_refprune_pass()
        manager.run(self._final_module, builder)


class _SideBySideLibrary(_ShortLoopsLibrary):
    """The same, but for what a processor does with several numbers at once."""

    several_at_once = True


class _PartCompiler(Compiler):
    """Numba's compiler, the code put into a `_PartLibrary`."""

    library: type[JITCodeLibrary] = _PartLibrary

    def define_pipelines(self) -> Any:
        """As numba's."""
        state = self.state
        state.library = self.library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return super().define_pipelines()


class _ShortLoopsCompiler(_PartCompiler):
    """Numba's compiler, the code put into a `_ShortLoopsLibrary`."""

    library = _ShortLoopsLibrary


class _SideBySideCompiler(_PartCompiler):
    """Numba's compiler, the code put into a `_SideBySideLibrary`."""

    library = _SideBySideLibrary


def callback(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.cfunc`` that caches where it can, as `compiled`."""

    def decorate(function: Callable[..., Any]) -> Any:
        made = CFunc(function, normalize_signature(signature), locals={}, options={})
        _keep(made, function)
        with _nothing_collected():
            made.compile()
        return made

    return decorate


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """No search for garbage among the objects that compiling makes, and those of all packages.

    There are millions, and hardly any garbage: the searches take a tenth of the time.
    """
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searched:
            gc.enable()


def is_on_disk(function: Callable[..., Any], signature: Any) -> bool:
    """Whether the machine code of a function is there to be loaded; once it was, it stays."""
    if (function, signature) in _FOUND:
        return True
    cache = _cache_of(function)
    if cache is None or cache.load_overload(signature, cpu_target.target_context) is None:
        return False
    _FOUND.add((function, signature))
    return True


def is_kept(function: Callable[..., Any]) -> bool:
    """Whether machine code of a function can be kept on disk."""
    return _cache_of(function) is not None


class _KernelCache(FunctionCache):
    """Numba's cache of one function, outdated by a change of whatever the function calls.

    Numba itself looks at the function's own file alone.
    """

    def _index_key(self, signature: Any, codegen: Any) -> Any:
        arguments = getattr(signature, "args", signature)
        fields = tuple(one.fields for one in arguments if isinstance(one, types.BaseNamedTuple))
        return (*super()._index_key(signature, codegen), fields, version_of(self._py_func))


def _keep(made: Any, function: Callable[..., Any]) -> None:
    """Have the machine code of what numba makes of a function kept on disk, if it can be."""
    cache = _cache_of(function)
    if cache is not None:
        made._cache = cache


def _cache_of(function: Callable[..., Any]) -> _KernelCache | None:
    """Where the machine code of a function is kept; None where nothing can be written."""
    try:
        return _KernelCache(function)
    except RuntimeError as error:
        if "cannot cache function" not in str(error):
            raise
        return None


def _let_pytensor_write() -> None:
    """Give PyTensor a temporary folder where it could not even be imported for want of its own.

    It keeps compiled code in a folder of the user's home, unless its flags name another, and makes
    it when it is imported. The temporary one is made then, too, and removed at the end.
    """
    flags = os.environ.get("PYTENSOR_FLAGS", "")
    if "compiledir" in flags or "pytensor" in sys.modules or _can_write(Path("~/.pytensor")):
        return
    try:
        folder = Path(gettempdir(), f"hierbayes-{uuid4().hex}")
    except OSError:  # no temporary folder either: what needs PyTensor will say so
        return
    stated = f"base_compiledir={folder}"
    os.environ["PYTENSOR_FLAGS"] = f"{flags},{stated}" if flags else stated
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def _can_write(folder: Path) -> bool:
    """Whether a folder can be written to, or made."""
    try:
        folder = folder.expanduser()
    except RuntimeError:  # nobody's home is known
        return False
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


_let_pytensor_write()
