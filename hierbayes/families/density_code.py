"""A log density written for PyTensor, with its derivatives, as compiled formulas of a row.

PyTensor differentiates; what comes out is arithmetic of one row, which is written down as a
function and compiled with the loops as a family's own formulas are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType
from typing import Any
from zlib import crc32

from hierbayes.compilation import inner
from hierbayes.errors import FamilyError
from hierbayes.families.rows import Formulas, no_dispersion
from hierbayes.families.special import digamma, tetragamma, trigamma

_WRITTEN: MappingProxyType[str, str] = MappingProxyType({
    "Add": "+", "Mul": "*", "Sub": "{} - {}", "TrueDiv": "{} / {}", "Pow": "{} ** {}",
    "Neg": "-{}", "Reciprocal": "1.0 / {}", "Sqr": "{0} * {0}", "Sqrt": "math.sqrt({})",
    "Exp": "math.exp({})", "Log": "math.log({})", "Log1p": "math.log1p({})",
    "Expm1": "math.expm1({})", "Log2": "math.log2({})", "Log10": "math.log10({})",
    "Sin": "math.sin({})", "Cos": "math.cos({})", "Tan": "math.tan({})", "Tanh": "math.tanh({})",
    "Sinh": "math.sinh({})", "Cosh": "math.cosh({})", "ArcTan": "math.atan({})",
    "Erf": "math.erf({})", "Erfc": "math.erfc({})", "GammaLn": "math.lgamma({})",
    "Psi": "digamma({})", "TriGamma": "trigamma({})", "Abs": "abs({})",
    "Sigmoid": "1.0 / (1.0 + math.exp(-{}))", "Sign": "sign({})",
    "Softplus": "max({0}, 0.0) + math.log1p(math.exp(-abs({0})))",
    "Maximum": "max({}, {})", "Minimum": "min({}, {})", "ScalarMaximum": "max({}, {})",
    "ScalarMinimum": "min({}, {})", "Switch": "({1} if {0} else {2})", "LT": "{} < {}",
    "GT": "{} > {}", "LE": "{} <= {}", "GE": "{} >= {}", "EQ": "{} == {}", "NEQ": "{} != {}",
    "AND": "({} and {})", "OR": "({} or {})", "Invert": "not {}", "Second": "{1}",
    "Identity": "{}", "Cast": "float({})", "PolyGamma": "polygamma({}, {})",
})  # fmt: skip


@inner
def sign(x):
    """−1, 0 or 1."""
    return 1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0


@inner
def polygamma(k, x):
    """The derivative of ψ of order 0, 1 or 2."""
    return digamma(x) if k < 0.5 else trigamma(x) if k < 1.5 else tetragamma(x)


def formulas_of_density(name: str, density: Callable[..., Any], d: int) -> Formulas:
    """The compiled formulas of a log density.

    Parameters
    ----------
    name : str
    density : callable
        ``density(y, eta, phi)`` of PyTensor scalars, ``phi`` a list of d.
    d : int

    Raises
    ------
    FamilyError
        When it is no number, does not depend on η, or needs a function that is not known here.
    """
    import pytensor.tensor as pt

    y, eta = pt.dscalar("y"), pt.dscalar("eta")
    phi = [pt.dscalar(f"phi{c}") for c in range(d)]
    value = pt.as_tensor(density(y, eta, phi))
    if value.ndim:
        raise FamilyError(f"{name}: the log density of one row must be a number")
    by_eta = [value]
    for _ in range(3):
        by_eta.append(pt.grad(by_eta[-1], eta, disconnected_inputs="ignore"))
    by_phi = [pt.grad(one, phi, disconnected_inputs="ignore") for one in by_eta[:3]] if d else []
    lines = _Lines(name, {y: "y", eta: "eta"} | {v: f"phi[{c}]" for c, v in enumerate(phi)})
    row = lines.function("row(y, m, eta, phi)", by_eta, "    return {}, {}, {}, {}")
    if not d:
        return Formulas(_named(name, row), _compiled(row, "row", name), no_dispersion)
    wanted = [one for each in by_phi for one in each]
    filled = [f"    out[{k // d}, {k % d}] = {{}}" for k in range(3 * d)]
    row_phi = lines.function("row_phi(y, m, eta, phi, out)", wanted, "\n".join(filled))
    return Formulas(
        _named(name, row + row_phi),
        _compiled(row, "row", name),
        _compiled(row_phi, "row_phi", name),
    )


def _named(name: str, source: str) -> str:
    """A name that changes with the code, by which machine code is kept."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in name.lower())
    return f"{plain}_{crc32(source.encode()):08x}"


def _compiled(source: str, called: str, name: str) -> Any:
    known: dict[str, Any] = {
        "__name__": __name__, "math": math, "digamma": digamma, "trigamma": trigamma,
        "polygamma": polygamma, "sign": sign,
    }  # fmt: skip
    exec(compile(source, f"<{name}>", "exec"), known)
    return inner(known[called], f"{called}_{_named(name, source)}")


class _Lines:
    """A graph of numbers as lines of code."""

    def __init__(self, name: str, known: dict[Any, str]) -> None:
        self.name, self.known = name, known

    def function(self, head: str, outputs: list[Any], end: str) -> str:
        """The code of a function; ``end`` has a place for each output."""
        from pytensor.graph.fg import FunctionGraph
        from pytensor.graph.rewriting.utils import rewrite_graph

        graph = FunctionGraph(list(self.known), list(outputs), clone=True)
        rewrite_graph(graph, include=("canonicalize", "stabilize"), clone=False)
        texts = dict(zip(graph.inputs, self.known.values(), strict=True))
        lines = [f"def {head}:"]
        for node in graph.toposort():
            texts[node.outputs[0]] = f"t{len(lines)}"
            used = [texts.get(one) or self._constant(one) for one in node.inputs]
            lines.append(f"    t{len(lines)} = {self._written(node, used)}")
        found = [texts.get(one) or self._constant(one) for one in graph.outputs]
        return "\n".join([*lines, end.format(*found)]) + "\n"

    def _constant(self, variable: Any) -> str:
        return repr(float(variable.data))

    def _written(self, node: Any, used: list[str]) -> str:
        op = getattr(node.op, "scalar_op", node.op)
        kind = type(op).__name__
        if kind in ("TensorFromScalar", "ScalarFromTensor", "DimShuffle", "TensorCopy"):
            return used[0]
        if kind not in _WRITTEN:
            raise FamilyError(
                f"{self.name}: a log density cannot have the function {kind} here; give row= and "
                "row_phi= by hand, or write it with others"
            )
        text = _WRITTEN[kind]
        return f" {text} ".join(used) if text in ("+", "*") else text.format(*used)
