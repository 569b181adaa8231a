"""Weights of rows and known standard deviations of errors in glmmTMB, written and read.

From version 1.1.9 on ``dispformula`` of a Gaussian response is of log σ, of log σ² before; from
1.1.10 on its coefficients are called ``betadisp``.  So offsets are written, and read, with the
version that they are for.  The argument ``weights`` multiplies log likelihoods, and is another.

References
----------
News of the package, versions 1.1.9 and 1.1.10.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hierbayes.translation.dialect import ModelToWrite, pointed
from hierbayes.translation.r.addends import addends
from hierbayes.translation.r.syntax import Node
from hierbayes.translation.r.variance_terms import column_of
from hierbayes.translation.r.words import r_name

_OF_SD, _OF_NAME = "1.1.9", "1.1.10"
_STATED = re.compile(r"""packageVersion\(["']glmmTMB["']\)\s*>=\s*["']1\.1\.(9|\d\d+)["']""")
_COEFFICIENT = "betadisp"


def log_sd_offsets(model: ModelToWrite) -> list[str]:
    """What is added to log σ of each row: −½ log w, or the logarithm of what is known."""
    spec = model.specification
    if spec.known_sd:
        return [f"offset(log({r_name(spec.known_sd)}))"]
    return [f"offset(-log({r_name(spec.weights)}) / 2)"] if spec.weights else []


def held_dispersion(model: ModelToWrite) -> list[str]:
    """The arguments that hold σ at 1, where standard deviations are known."""
    if not model.specification.known_sd:
        return []
    return [f"start = list({_COEFFICIENT} = 0)", f"map = list({_COEFFICIENT} = factor(NA))"]


def version_wanted(model: ModelToWrite) -> str:
    """The statement that stops where offsets would be of log σ²; empty without them."""
    spec = model.specification
    if not spec.weights and not spec.known_sd:
        return ""
    version = _OF_NAME if spec.known_sd else _OF_SD
    return f'stopifnot(packageVersion("glmmTMB") >= "{version}")  # dispformula is of log(sd)\n'


def refuse_unknown_version(node: Node, text: str) -> None:
    """Refuse an offset of dispformula in code that does not say which version it is for.

    Raises
    ------
    FormulaError
    """
    if not _STATED.search(text):
        raise pointed(
            text, node.place, "an offset of dispformula is of the logarithm of a standard "
            f"deviation, and before version {_OF_SD} of glmmTMB it was of a variance; say which "
            f'in the code, as in stopifnot(packageVersion("glmmTMB") >= "{_OF_SD}"), or give '
            "weights='w' instead"
        )  # fmt: skip


def take_known(
    given: Mapping[str, Node], columns: Sequence[str], text: str
) -> tuple[dict[str, Node], str]:
    """Arguments without what states known standard deviations, and their column.

    These are ``dispformula = ~ 1 + offset(log(se))`` whose coefficient ``map`` holds at 0.

    Raises
    ------
    FormulaError
        Where the version is not said.
    """
    rest, held, start = dict(given), given.get("map"), given.get("start")
    dispersion = given.get("dispformula")
    if held is None or start is None or dispersion is None or dispersion.kind != "prefix":
        return rest, ""
    terms = [one for one in addends(dispersion.parts[0]) if one.text not in ("1", "0")]
    logged = terms[0].parts[-1] if len(terms) == 1 and terms[0].function == "offset" else None
    values = [(name, one.text) for name, one in start.arguments]
    mapped = [name for name, _ in held.arguments]
    if logged is None or logged.function != "log" or mapped != [_COEFFICIENT]:
        return rest, ""
    if values != [(_COEFFICIENT, "0")]:
        return rest, ""
    refuse_unknown_version(dispersion, text)
    for name in ("map", "start", "dispformula"):
        del rest[name]
    return rest, column_of(logged.parts[1], columns, text, "dispformula")
