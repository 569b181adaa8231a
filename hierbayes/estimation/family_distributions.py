"""The distribution of a family's response in a PyMC graph, given η and φ.

These are PyMC's own, and independent of the compiled formulas of `hierbayes.families`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from hierbayes.errors import FormulaError
from hierbayes.families.cumulative import Cumulative
from hierbayes.families.family import ResponseFamily
from hierbayes.families.hurdle import Hurdle
from hierbayes.families.user_family import Family
from hierbayes.families.zero_inflated import ZeroInflated
from hierbayes.frames.arrays import Floats
from hierbayes.pymc_import import pm

type Variables = list[TensorVariable]
type Arguments = tuple[Any, dict[str, Any]]
type Maker = Callable[[Any, TensorVariable, Floats, Variables], Arguments]


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
    return pm.StudentT, {"nu": phi[1] if len(phi) > 1 else m, "mu": eta, "sigma": phi[0]}


def _categorical(
    family: ResponseFamily, eta: TensorVariable, m: Floats, phi: Variables
) -> Arguments:
    of_rows = eta.reshape((-1, len(family.predictors)))
    first = pt.zeros((of_rows.shape[0], 1))
    return pm.Categorical, {"logit_p": pt.concatenate([first, of_rows], axis=1)}


def _cumulative(family: Cumulative, eta: TensorVariable, m: Floats, phi: Variables) -> Arguments:
    up_to = [_probability(family.link, threshold - eta) for threshold in phi]
    ends = [pt.zeros_like(eta), *up_to, pt.ones_like(eta)]
    each = [high - low for low, high in itertools.pairwise(ends)]
    return pm.Categorical, {"p": pt.stack(each, axis=-1)}


def _zero_inflated(
    family: ZeroInflated, eta: TensorVariable, m: Floats, phi: Variables
) -> Arguments:
    kind, arguments = distribution_of(family.inside, eta, m, phi[:-1])
    share = pm.math.sigmoid(phi[-1])
    weights = pt.stack([share, 1.0 - share], axis=-1)
    return pm.Mixture, {"w": weights, "comp_dists": [pm.DiracDelta.dist(0), kind.dist(**arguments)]}


def _hurdle(family: Hurdle, eta: TensorVariable, m: Floats, phi: Variables) -> Arguments:
    kind, arguments = distribution_of(family.inside, eta, m, phi[:-1])
    return getattr(pm, f"Hurdle{kind.__name__}"), arguments | {"psi": pm.math.sigmoid(-phi[-1])}


def _own(family: Family, eta: TensorVariable, m: Floats, phi: Variables) -> Arguments:
    density = family.log_density
    if density is None:
        raise FormulaError(
            f"{family.name} has its formulas by hand, which a graph cannot read: give log_density"
        )

    def custom(name: str, *, observed: Floats, dims: str) -> TensorVariable:
        return pm.CustomDist(
            name, eta, *phi, logp=lambda y, at, *more: density(y, at, list(more)),
            observed=observed, dims=dims,
        )  # fmt: skip

    return custom, {}


_DISTRIBUTIONS: dict[str, Maker] = {
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
    "Cumulative": _cumulative,
    "ZeroInflated": _zero_inflated,
    "Hurdle": _hurdle,
    "Categorical": _categorical,
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
    """
    if isinstance(family, Family):
        return _own(family, eta, m, phi)
    return _DISTRIBUTIONS[family.name](family, eta, m, phi)
