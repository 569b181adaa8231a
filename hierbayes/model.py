"""The Model: a specification on data, with one verb for each way to fit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hierbayes.design.problem import (
    Problem,
    between_factors,
    pose_problem,
    refuse_varying_between,
)
from hierbayes.errors import FormulaError, PriorError
from hierbayes.estimation.prior_set import PriorSet, choose_priors, refuse_far_origin
from hierbayes.estimation.reml import Optimum, maximise
from hierbayes.fit.evidence import Maximum, Sampling, count_covariances, maximum_of
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.collapsed import ML, REML
from hierbayes.likelihood.conditional import conditional_moments, draw_gamma, flat_prior
from hierbayes.specification.equations import Multilevel, split_levels
from hierbayes.specification.formula import Specification, read_combined

if TYPE_CHECKING:
    import pymc as pm


class Model:
    """A hierarchical model on data.

    Parameters
    ----------
    formula : str or Multilevel
        The combined form, ``"y ~ x * w"`` with ``random`` or
        ``"y ~ x * w + (1 + x | g)"``, or equations at two levels.
    random : str, optional
        Random part in nlme's spelling, ``"~ 1 + x | g"``.
    data : DataFrame
        One row per observation.  Rows with a missing value in a column the model
        uses are left out, counted and reported.
    priors : mapping, optional
        From a block (``gamma``, ``sd``, ``corr``, ``sigma``) to a prior, or to a
        mapping from names to priors; the rest keeps its defaults, see `priors`.
        The blocks ``G``, ``icc`` and ``r2`` take one prior for several of these.
        REML and ML do not use them.

    Raises
    ------
    FormulaError, DataError, PriorError
        Before anything is fitted, naming the offender and the remedy.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> model = hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=hs)
    >>> model.reml().loglik
    -6419.694713
    """

    def __init__(
        self,
        formula: str | Multilevel,
        random: str | None = None,
        *,
        data: pd.DataFrame,
        priors: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(formula, Multilevel):
            if random is not None:
                raise FormulaError("the equations state the random part; leave out random='...'")
            refuse_varying_between(formula, data)
            specification = formula.specification()
        else:
            _refuse_wrong_types(formula, random)
            specification = read_combined(formula, random)
        self.specification: Specification = specification
        self.problem: Problem = pose_problem(specification, data)
        if priors is not None and not isinstance(priors, Mapping):
            raise PriorError(
                "priors must be a mapping from blocks to priors, such as "
                f"dict(sd=HalfNormal(5)), not {type(priors).__name__}"
            )
        self._stated = dict(priors) if priors else None
        self._data = data
        if self._stated:
            _ = self.priors

    @cached_property
    def priors(self) -> PriorSet:
        """Every prior in force, with its scale and whether it was stated; prints as a table."""
        return choose_priors(self._stated, self.problem.design, self.problem.cross.basis)

    def multilevel(self) -> Multilevel:
        """The model as equations at two levels, split by which columns vary within groups."""
        outer = between_factors(self.specification, self._data)
        return split_levels(self.specification, outer.__contains__)

    def reml(self) -> Fit:
        """Restricted maximum likelihood: the exact maximum, boundary included."""
        return self._point(maximise(self.problem.cross, self.problem.design.blocks, REML))

    def ml(self) -> Fit:
        """Maximum likelihood: the exact maximum, boundary included."""
        return self._point(maximise(self.problem.cross, self.problem.design.blocks, ML))

    def map(self) -> Fit:
        """The mode of the marginal posterior density of (sd, corr, σ), u integrated out.

        γ is integrated out as well where its prior is normal or flat, and maximised
        with θ otherwise.  The mode of a density depends on the parametrisation:
        with flat priors on sd, corr, σ and γ, and only then, it is the REML estimate.
        """
        from hierbayes.estimation.mode import marginal_mode

        design, cross = self.problem.design, self.problem.cross
        if self.priors.explains_gamma:
            raise PriorError(
                "the prior of 'r2' has no density in (sd, corr, σ) that could be maximised, only "
                "one with latent shares of the variance; use sample()"
            )
        refuse_far_origin(design, cross.basis)
        mode = marginal_mode(self.problem, self.priors)
        prior = (
            self.priors.normal_gamma(cross.basis)
            if self.priors.collapses_gamma
            else flat_prior(len(design.terms))
        )
        evidence = Maximum(
            name="MAP",
            value=mode.value,
            n_parameters=len(design.terms) + count_covariances(design.blocks) + 1,
            n_penalty=cross.n,
            gradient=mode.gradient,
            ascent=0.0,
            singular=mode.singular,
            evaluations=mode.evaluations,
        )
        return self._fit(mode.root, mode.sigma, mode.gamma, prior, evidence)

    def graph(self) -> pm.Model:
        """The marginal model as a PyMC model: priors, and the collapsed likelihood."""
        from hierbayes.estimation.posterior import graph_of

        return graph_of(self.problem.design, self.problem.cross, self.priors)

    def sample(
        self,
        draws: int = 1000,
        *,
        tune: int = 500,
        chains: int = 4,
        seed: int | None = None,
        target_accept: float = 0.8,
        sampler: str = "nutpie",
        cores: int | None = None,
        progress: bool = True,
    ) -> Fit:
        """The posterior: NUTS over θ, then exact draws of γ and every u given θ.

        Parameters
        ----------
        draws, tune, chains : int
            Draws kept and draws of adaptation per chain, and chains.
        seed : int, optional
            Equal seeds give equal draws; by default one is drawn and recorded.
        target_accept : float
            Wanted acceptance rate; nearer 1 takes smaller steps.
        sampler : str
            ``"nutpie"``, or ``"pymc"`` for PyMC's own.
        cores : int, optional
            Chains at a time; by default as many as the machine has processors.
        progress : bool
            Whether to show a progress bar.
        """
        from hierbayes.estimation.posterior import SamplerSettings, sample_theta

        if seed is None:
            seed = int(np.random.default_rng().integers(2**31))
        settings = SamplerSettings(
            draws, tune, chains, seed, target_accept, sampler, cores, progress
        )
        design, cross = self.problem.design, self.problem.cross
        refuse_far_origin(design, cross.basis)
        theta = sample_theta(design, cross, self.priors, settings)
        evidence = Sampling(theta.stats, sampler, tune, seed, theta.seconds, theta.compile_seconds)
        p = len(design.terms)
        fit = Fit(
            self.problem, theta.root, theta.sigma, np.zeros((chains, draws, p)), flat_prior(p),
            self.priors, evidence,
        )  # fmt: skip
        if theta.gamma is not None:
            return replace(fit, gamma_draws=theta.gamma)
        prior = self.priors.normal_gamma(cross.basis)
        normals = np.random.default_rng([seed, 0]).standard_normal((chains * draws, p))
        gamma = draw_gamma(
            fit.relative_root.reshape(-1, *theta.root.shape[2:]),
            theta.sigma.ravel() / cross.basis.scale,
            cross,
            prior,
            normals,
        )
        gamma_user = cross.basis.gamma(gamma).reshape(chains, draws, p)
        return replace(fit, gamma_draws=gamma_user, gamma_prior=prior)

    def _point(self, optimum: Optimum) -> Fit:
        """A fit from a REML or ML optimum."""
        basis = self.problem.cross.basis
        prior = flat_prior(len(self.problem.design.terms))
        moments = conditional_moments(optimum.root, optimum.sigma, self.problem.cross, prior)
        root = basis.root(optimum.root * optimum.sigma)
        evidence = maximum_of(optimum, self.problem)
        gamma = basis.gamma(moments.gamma)
        return self._fit(root, optimum.sigma * basis.scale, gamma, prior, evidence)

    def _fit(self, root: Floats, sigma: float, gamma: Floats, prior: Any, evidence: Maximum) -> Fit:
        return Fit(
            problem=self.problem,
            root=root[None, None],
            sigma_draws=np.array([[sigma]]),
            gamma_draws=gamma[None, None],
            gamma_prior=prior,
            priors=self.priors if evidence.name == "MAP" else None,
            evidence=evidence,
        )

    def __repr__(self) -> str:
        design = self.problem.design
        return (
            f"Model: {self.specification}\n"
            f"  {len(design.y)} rows, {design.J} groups ({self.specification.group}); "
            f"{design.dropped}\n"
            f"  fixed terms: {', '.join(design.terms)}\n"
            f"  random effects: {', '.join(design.effects)}"
        )

    def _repr_html_(self) -> str:
        return f"<pre>{self!r}</pre>"


def _refuse_wrong_types(formula: object, random: object) -> None:
    if not isinstance(formula, str):
        raise FormulaError(
            f"the model must be a formula (text) or a Multilevel, not {type(formula).__name__}"
        )
    if random is not None and not isinstance(random, str):
        raise FormulaError(
            f"random must be text such as '~ 1 + x | group', not {type(random).__name__}"
        )
