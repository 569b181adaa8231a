"""The Model: a specification on data, with one verb for each way to fit it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pandas as pd

from hierbayes.design.problem import (
    Problem,
    pose_problem,
    refuse_varying_between,
)
from hierbayes.design.variables import describe_variables
from hierbayes.errors import DataError, FormulaError, PriorError
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.fit.maximised import maximum_likelihood, posterior_mode
from hierbayes.fit.point import PointFit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.sampled import sample_posterior
from hierbayes.frames.native_numbers import native_numbers
from hierbayes.language.equations import Equations, equations
from hierbayes.language.meanings import Meanings, meanings
from hierbayes.language.structure import read_structure
from hierbayes.likelihood.reading import ML, REML
from hierbayes.priors.chosen_priors import choose_priors
from hierbayes.priors.prior_set import PriorSet
from hierbayes.specification.equation_coding import refuse_uneven_equations
from hierbayes.specification.equations import Multilevel, split_levels
from hierbayes.specification.foreign_words import refuse_foreign_words
from hierbayes.specification.formula import Specification, read_combined
from hierbayes.specification.known_functions import read_functions

if TYPE_CHECKING:
    import pymc as pm

    from hierbayes.studies.prior_predictive.prior_predictive import PriorPredictive

_ARGUMENTS = ("formula", "random", "data", "priors", "functions")


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
        One row per observation; also given second, as in ``Model(formula, data)``.  Rows
        with a missing value in a column the model uses are left out, counted and reported.
    priors : mapping, optional
        From a block (``gamma``, ``sd``, ``corr``, ``sigma``) to a prior, or to a
        mapping from names to priors, for ``sd`` also by grouping factor, as in
        ``dict(sd={"school": {"ses": HalfNormal(2)}})``; the rest keeps its defaults,
        see `priors`.
        The blocks ``G``, ``icc`` and ``r2`` take one prior for several of these.
        REML and ML do not use them.
    functions : mapping, optional
        From names to functions that the formula calls beside those it knows, as in
        ``{"hinge": hinge}`` for ``hinge(x, 2)``.  Each takes columns as Series (numbers in
        float64) and constants, and makes each row of that row alone.

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

    @overload
    def __init__(
        self,
        formula: str | Multilevel,
        data: pd.DataFrame,
        /,
        *,
        priors: Mapping[str, Any] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self,
        formula: str | Multilevel,
        random: str | None = None,
        *,
        data: pd.DataFrame,
        priors: Mapping[str, Any] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self,
        formula: str | Multilevel,
        random: str | None,
        data: pd.DataFrame,
        *,
        priors: Mapping[str, Any] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None: ...

    def __init__(
        self,
        formula: str | Multilevel,
        random: str | pd.DataFrame | None = None,
        data: pd.DataFrame | None = None,
        *,
        priors: Mapping[str, Any] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        **foreign: object,
    ) -> None:
        refuse_foreign_words(foreign, _ARGUMENTS)
        random, data = _random_and_data(random, data)
        data = native_numbers(data)
        if isinstance(formula, Multilevel):
            if random is not None:
                raise FormulaError("the equations state the random part; leave out random='...'")
            refuse_varying_between(formula, data, read_functions(functions))
            specification = formula.specification()
        else:
            _refuse_wrong_types(formula, random)
            specification = read_combined(formula, random)
        specification = replace(specification, functions=read_functions(functions))
        self.specification: Specification = specification
        self.problem: Problem = pose_problem(specification, data)
        if isinstance(formula, Multilevel):
            refuse_uneven_equations(formula, self.problem.design.columns.coded_factors.__contains__)
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
        return choose_priors(self._stated, self.problem)

    @property
    def data(self) -> pd.DataFrame:
        """The data as they were given, rows that are left out included."""
        return self._data

    def multilevel(self) -> Multilevel:
        """The model as equations at two levels, split by which columns vary within groups.

        Raises
        ------
        FormulaError
            When a factor of level 1 is coded otherwise in one equation than in another.
        """
        design = self.problem.design
        equations = split_levels(self.specification, design.columns.between.__contains__)
        refuse_uneven_equations(equations, design.columns.coded_factors.__contains__)
        return equations

    def equations(self) -> Equations:
        """The model within groups, between groups, combined, in matrices and as GLS.

        Each form is text (``str``) and LaTeX that a notebook renders, in the notation
        in use: see `hierbayes.notation`.

        Examples
        --------
        >>> import hierbayes as hb
        >>> hs = hb.load_dataset("hs")
        >>> model = hb.Model("mathach ~ ses * Sector + (1 | school)", data=hs)
        >>> print(model.equations().between)
        β_0j = γ_00 + γ_01 Sector[Public]_j + u_0j
        β_1j = γ_10 + γ_11 Sector[Public]_j
        u_0j ~ N(0, g_00)    (independent between schools and of errors)
        """
        return equations(read_structure(self.problem.design))

    def meanings(self) -> Meanings:
        """What each fixed effect means, in words: by term its symbol γ_kh and its meaning.

        Examples
        --------
        >>> import hierbayes as hb
        >>> hs = hb.load_dataset("hs")
        >>> model = hb.Model("mathach ~ ses * Sector + (1 | school)", data=hs)
        >>> print(model.meanings())
        γ_00  Intercept
              the mean mathach when ses is 0, in Catholic schools
        γ_01  Sector[T.Public]
              the difference in mean intercept between Public and Catholic schools
        γ_10  ses
              the mean ses slope in Catholic schools
        γ_11  ses:Sector[T.Public]
              the difference in mean ses slope between Public and Catholic schools
        """
        return meanings(read_structure(self.problem.design))

    def emit(self, system: str, *, data: str = "data", ml: bool = False) -> str:
        """The model as runnable code of another system, with the priors in force.

        Parameters
        ----------
        system : str
            One of those that ``hierbayes.dialects()`` lists, such as ``"lme4"``.
        data : str
            What the code calls the data.
        ml : bool
            Whether it maximises the likelihood instead of REML, where it maximises one.

        Raises
        ------
        FormulaError
            When the system is not known, or cannot say the model; what it cannot is named.

        Examples
        --------
        >>> import hierbayes as hb
        >>> hs = hb.load_dataset("hs")
        >>> model = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", data=hs)
        >>> print(model.emit("lme4", data="hs"))
        library(lme4)
        <BLANKLINE>
        fit <- lmer(
          mathach ~ ses * Sector + (1 + ses | school),
          data = hs,
          REML = TRUE
        )
        <BLANKLINE>
        """
        from hierbayes.translation.dialect import ModelToWrite  # noqa: PLC0415
        from hierbayes.translation.registry import emit  # noqa: PLC0415

        variables = describe_variables(self.problem.design, self._data)
        return emit(ModelToWrite(self.specification, variables, self.priors, data, ml), system)

    def reml(self) -> PointFit:
        """Restricted maximum likelihood: the exact maximum, boundary included."""
        return maximum_likelihood(self.problem, REML)

    def ml(self) -> PointFit:
        """Maximum likelihood: the exact maximum, boundary included."""
        return maximum_likelihood(self.problem, ML)

    def map(self) -> PointFit:
        """The mode of the marginal posterior density of (sd, corr, σ), u integrated out.

        γ is integrated out as well where its prior is normal or flat, and maximised
        with θ otherwise.  The mode of a density depends on the parametrisation:
        with flat priors on sd, corr, σ and γ, and only then, it is the REML estimate.
        """
        return posterior_mode(self.problem, self.priors)

    def prior_predictive(self, draws: int = 4000, *, seed: int | None = None) -> PriorPredictive:
        """What the priors in force imply, in the model's own terms, before any fit.

        Parameters
        ----------
        draws : int
            Independent draws from the priors.
        seed : int, optional
            Equal seeds give equal draws on one machine; other processors round otherwise, and
            the draws part.  By default one is drawn and recorded.

        Returns
        -------
        PriorPredictive
            Prints as the priors, what they imply for the ICC, the groups' lines and new
            responses, and the probability of extremes.  The data enter through their
            columns; the response is only a reference beside it.

        Raises
        ------
        PriorError
            When a prior is flat: nothing can be drawn from it.
        EstimationError
            When draws or seed are not whole numbers in their range.

        Examples
        --------
        >>> import hierbayes as hb
        >>> hs = hb.load_dataset("hs")
        >>> priors = dict(sd=hb.HalfNormal(5), sigma=hb.HalfNormal(10))
        >>> model = hb.Model("mathach ~ ses + (1 | school)", data=hs, priors=priors)
        >>> prior = model.prior_predictive(seed=1)
        >>> print(f"{prior.probabilities.loc['P(ICC > 0.5)', 'probability']:.1f}")
        0.3
        """
        from hierbayes.priors.draws import draw_priors
        from hierbayes.studies.prior_predictive.prior_predictive import prior_predictive  # noqa: PLC0415

        if seed is None:
            seed = int(np.random.default_rng().integers(2**31))
        drawn = draw_priors(self.priors, self.problem, draws, seed)
        return prior_predictive(drawn, self.priors, self.problem.design, int(seed))

    def graph(self) -> pm.Model:
        """The marginal model as a PyMC model: priors, and the collapsed likelihood."""
        from hierbayes.estimation.graph import graph_of

        return graph_of(self.problem.design, self.problem.cross, self.priors)

    def sample(
        self,
        draws: int = 1000,
        *,
        tune: int = 500,
        chains: int = 4,
        seed: int | None = None,
        target_accept: float = 0.95,
        sampler: str = "nutpie",
        cores: int | None = None,
        progress: bool = True,
    ) -> PosteriorFit:
        """The posterior: NUTS over θ, then exact draws of γ and every u given θ.

        Parameters
        ----------
        draws, tune, chains : int
            Draws kept and draws of adaptation per chain, and chains.
        seed : int, optional
            Equal seeds give equal draws on one machine; other processors round otherwise, and
            the draws part.  By default one is drawn and recorded.
        target_accept : float
            Wanted acceptance rate; nearer 1 takes smaller steps.
        sampler : str
            ``"nutpie"``, or ``"pymc"`` for PyMC's own.
        cores : int, optional
            Chains at a time; by default as many as the machine has processors.
        progress : bool
            Whether to show a progress bar.
        """
        if seed is None:
            seed = int(np.random.default_rng().integers(2**31))
        settings = SamplerSettings(
            draws, tune, chains, seed, target_accept, sampler, cores, progress
        )
        return sample_posterior(self.problem, self.priors, settings)

    def __repr__(self) -> str:
        design = self.problem.design
        return (
            f"Model: {self.specification}\n"
            f"  {design.n} rows, {design.J} groups ({self.specification.group}); "
            f"{design.dropped}\n"
            f"  fixed terms: {', '.join(design.terms)}\n"
            f"  random effects: {', '.join(design.effects)}"
        )

    def _repr_latex_(self) -> str:
        return self.equations()._repr_latex_()


def _random_and_data(
    random: str | pd.DataFrame | None, data: pd.DataFrame | None
) -> tuple[str | None, pd.DataFrame]:
    """The random part and the data, which may stand second in its place."""
    if isinstance(random, pd.DataFrame):
        if data is not None:
            raise DataError("the data are given twice; keep one, as in hb.Model(formula, data)")
        return None, random
    if data is None:
        raise DataError("there are no data; give them, as in hb.Model(formula, data)")
    return random, data


def _refuse_wrong_types(formula: object, random: object) -> None:
    if not isinstance(formula, str):
        raise FormulaError(
            f"the model must be a formula (text) or a Multilevel, not {type(formula).__name__}"
        )
    if random is not None and not isinstance(random, str):
        raise FormulaError(
            f"random must be text such as '~ 1 + x | group', not {type(random).__name__}"
        )
