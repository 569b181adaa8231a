"""γ, G and the dispersion of a simulation, read and checked against a design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.errors import StudyError, in_quotes
from hierbayes.families.family import ResponseFamily
from hierbayes.fit.effects import fixef
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import block_mask
from hierbayes.specification.factor_name import factor_called
from hierbayes.studies.simulation.dispersion import read_dispersion

_SYMMETRIC = 1e-10  # of the largest entry of G


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """The parameters of a model.

    Parameters
    ----------
    gamma : (p,) float
    G : (q, q) float
    phi : (d,) float
        Dispersion of the response: σ, or what its family has.
    """

    gamma: Floats
    G: Floats
    phi: Floats


def read_parameters(
    design: Design, gamma: Any, G: Any, sigma: Any, phi: Any, family: ResponseFamily | None
) -> Parameters:
    """Parameters as stated, in the order of the terms and effects of a design.

    Parameters
    ----------
    design : Design
    gamma : sequence or mapping
        In the order of the terms, or by their names; a number for one term.
    G : array-like or DataFrame
        In the order of the random effects; a DataFrame by their names; a number for one effect.
    sigma : float
        Of a Gaussian response.
    phi : sequence or mapping
        Of another family, in the order of its dispersion or by name; a number for one.
    family : Family or None

    Raises
    ------
    StudyError
        When one is missing, or is no parameter of this model.
    """
    last = "sigma" if family is None else "phi"
    needed = {"gamma": gamma, "G": G} | ({"sigma": sigma} if family is None else {})
    for name, value in needed.items():
        if value is None:
            rest = "gamma=, G= and sigma=" if last in needed else "gamma= and G="
            raise StudyError(f"{name} is not stated; a simulation needs {rest}")
    if family is None:
        if not isinstance(sigma, Real) or not np.isfinite(float(sigma)) or float(sigma) <= 0.0:
            raise StudyError(f"sigma must be a positive number, not {sigma!r}")
        if phi is not None:
            raise StudyError("phi is the dispersion of a family that is stated; leave it out")
        return Parameters(_gamma(design, gamma), _G(design, G), np.array([float(sigma)]))
    if sigma is not None:
        raise StudyError(f"sigma is of a Gaussian response; give phi= for {family}")
    return Parameters(_gamma(design, gamma), _G(design, G), read_dispersion(family, phi))


def estimates(fit: Fitted) -> Parameters:
    """The estimates of a fit; for a posterior its means.  Thresholds are those of η."""
    phi = fit.mean_phi
    return Parameters(fixef(fit).to_numpy(dtype=np.float64), fit.theta.G.mean(axis=(0, 1)), phi)


def _gamma(design: Design, stated: Any) -> Floats:
    terms = design.terms
    if isinstance(stated, pd.Series):
        stated = stated.to_dict()
    if isinstance(stated, Mapping):
        for name in (
            *(n for n in stated if n not in terms),
            *(t for t in terms if t not in stated),
        ):
            what = "has no value for" if name in terms else "is stated for"
            rest = "" if name in terms else ", which is no term of this model"
            raise StudyError(f"gamma {what} '{name}'{rest}; the terms are: {in_quotes(terms)}")
        stated = [stated[term] for term in terms]
    values = np.atleast_1d(_numbers("gamma", stated))
    if values.shape != (len(terms),):
        raise StudyError(
            f"gamma must have {len(terms)} values, one for each of {in_quotes(terms)}; "
            f"it has shape {values.shape}"
        )
    return values


def _by_factor(design: Design, stated: Mapping[str, Any]) -> Floats:
    """G of several factors (q, q) from that of each."""
    names = [factor.name for factor in design.factors]
    called = {factor_called(name, names) or name: G for name, G in stated.items()}
    if set(called) != set(names) or len(called) < len(stated):
        raise StudyError(
            f"a G that is a mapping has the covariance of the effects of each of {in_quotes(names)}"
        )
    G = np.zeros((len(design.effects), len(design.effects)))
    for k, (name, span) in enumerate(zip(names, design.spans, strict=True)):
        G[span, span] = _G(design.of_factor(k), called[name])
    return G


def _G(design: Design, stated: Any) -> Floats:
    if isinstance(stated, Mapping):
        return _by_factor(design, stated)
    effects = list(design.effect_labels)
    if isinstance(stated, pd.DataFrame):
        if sorted(map(str, stated.index)) != sorted(effects) or set(stated.columns) != set(effects):
            raise StudyError(
                f"the rows and columns of G must be the random effects: {in_quotes(effects)}"
            )
        stated = stated.loc[effects, effects]
    G = _numbers("G", stated)
    G = G.reshape(1, 1) if G.ndim == 0 else G
    if G.shape != (len(effects), len(effects)):
        raise StudyError(
            f"G must be a matrix of {len(effects)} rows and columns, one for each of "
            f"{in_quotes(effects)}; it has shape {G.shape}"
        )
    if not effects:
        return G
    size = float(np.abs(G).max())
    if np.abs(G - G.T).max() > _SYMMETRIC * size:
        raise StudyError("G is not symmetric: it is a covariance matrix")
    if np.linalg.eigvalsh(G)[0] < -_SYMMETRIC * size:
        raise StudyError(
            "G is no covariance matrix: it has a negative eigenvalue, that is a combination of "
            "random effects with a negative variance; make the covariances smaller"
        )
    outside = (G != 0.0) & ~block_mask(design.blocks)
    if outside.any():
        k, m = np.argwhere(outside)[0]
        raise StudyError(
            f"G has a covariance of '{effects[k]}' and '{effects[m]}', which the model takes to be "
            "independent; make it 0, or put them in one random term"
        )
    return G


def _numbers(name: str, stated: Any) -> Floats:
    try:
        values = np.asarray(stated, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise StudyError(f"{name} must be made of numbers, not {stated!r}") from error
    if not np.isfinite(values).all():
        raise StudyError(f"{name} must be finite, not {stated!r}")
    return values
