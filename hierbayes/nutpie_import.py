"""nutpie, imported without ArviZ.

To make a tree of its draws nutpie imports ArviZ, with Matplotlib and all of SciPy's statistics;
`estimation.nutpie_chains` reads draws as the sampler leaves them.  So nutpie is given a stand-in,
by which ArviZ is imported once it is used; nobody else sees that.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_ARVIZ = "arviz"


class _Deferred(ModuleType):
    """A module that is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


_stands_in = _ARVIZ not in sys.modules and "nutpie" not in sys.modules
if _stands_in:
    sys.modules[_ARVIZ] = _Deferred(_ARVIZ)
try:
    import nutpie
    from nutpie.compile_pymc import CompiledPyMCModel
    from nutpie.compiled_pyfunc import from_pyfunc
finally:
    if _stands_in:
        del sys.modules[_ARVIZ]

__all__ = ["CompiledPyMCModel", "from_pyfunc", "nutpie"]
