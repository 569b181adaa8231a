"""The distribution of a family's response in a PyMC graph, given η and φ.

These are PyMC's own, and independent of the compiled formulas of `hierbayes.families`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from hierbayes.errors import FormulaError
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Floats
from hierbayes.pymc_import import pm

type Variables = list[TensorVariable]
type Arguments = tuple[Any, dict[str, Any]]


def _probability(link: str, eta: TensorVariable) -> TensorVariable:
    if link == "probit":
        return pm.math.invprobit(eta)
    if link == "cloglog":
        return -pt.expm1(-pt.exp(eta))
    return pm.math.sigmoid(eta)


def _binomial(family: ResponseFamily, eta: TensorVariable, m: Floats, phi: Variables) -> Arguments:
    chance = {"logit_p": eta} if family.link == "logit" else {"p": _probability(family.link, eta)}
    return pm.Binomial, {"n": m} | chance


def _beta_binomial(
    family: ResponseFamily, eta: TensorVariable, m: Floats, phi: Variables
) -> Arguments:
    p = _probability(family.link, eta)
    return pm.BetaBinomial, {"n": m, "alpha": p * phi[0], "beta": (1.0 - p) * phi[0]}


def _poisson(family: ResponseFamily, eta: TensorVariable, m: Floats, phi: Variables) -> Arguments:
    return pm.Poisson, {"mu": pt.exp(eta)}


def _negative_binomial(
    family: ResponseFamily, eta: TensorVariable, m: Floats, phi: Variables
) -> Arguments:
    return pm.NegativeBinomial, {"mu": pt.exp(eta), "alpha": phi[0]}


def _negative_binomial1(
    family: ResponseFamily, eta: TensorVariable, m: Floats, phi: Variables
) -> Arguments:
    return pm.NegativeBinomial, {"mu": pt.exp(eta), "alpha": pt.exp(eta) / phi[0]}


def _gamma(family: ResponseFamily, eta: TensorVariable, m: Floats, phi: Variables) -> Arguments:
    return pm.Gamma, {"alpha": phi[0], "beta": phi[0] * pt.exp(-eta)}


def _lognormal(family: ResponseFamily, eta: TensorVariable, m: Floats, phi: Variables) -> Arguments:
    return pm.LogNormal, {"mu": eta, "sigma": phi[0]}


def _beta(family: ResponseFamily, eta: TensorVariable, m: Floats, phi: Variables) -> Arguments:
    p = _probability(family.link, eta)
    return pm.Beta, {"alpha": p * phi[0], "beta": (1.0 - p) * phi[0]}


def _student_t(family: ResponseFamily, eta: TensorVariable, m: Floats, phi: Variables) -> Arguments:
    return pm.StudentT, {"nu": m, "mu": eta, "sigma": phi[0]}


_DISTRIBUTIONS: dict[
    str, Callable[[ResponseFamily, TensorVariable, Floats, Variables], Arguments]
] = {
    "Bernoulli": _binomial,
    "Binomial": _binomial,
    "BetaBinomial": _beta_binomial,
    "Poisson": _poisson,
    "NegativeBinomial": _negative_binomial,
    "NegativeBinomial1": _negative_binomial1,
    "Gamma": _gamma,
    "Lognormal": _lognormal,
    "Beta": _beta,
    "StudentT": _student_t,
}


def distribution_of(
    family: ResponseFamily, eta: TensorVariable, m: Floats, phi: Variables
) -> Arguments:
    """PyMC's distribution of a family and its arguments.

    Parameters
    ----------
    family : ResponseFamily
    eta : (n,) variable
    m : (n,) float
        As the family reads it.
    phi : list of variable
        Dispersion.

    Raises
    ------
    FormulaError
        When PyMC has no such distribution.
    """
    if family.name not in _DISTRIBUTIONS:
        raise FormulaError(f"there is no graph of the family {family} yet; sample() needs none")
    return _DISTRIBUTIONS[family.name](family, eta, m, phi)
