"""A specification on data before any fit: what it says, and what its priors imply."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hierbayes.design.changed_data import refuse_changed_data
from hierbayes.design.left_out import left_out_frame
from hierbayes.design.problem import Problem
from hierbayes.design.variables import describe_variables
from hierbayes.errors import EstimationError
from hierbayes.frames.native_numbers import native_numbers
from hierbayes.language.equations import Equations, equations
from hierbayes.language.meanings import Meanings, meanings
from hierbayes.model.by_row import Given, refuse_counted_code
from hierbayes.model.equations_at_levels import equations_at_levels
from hierbayes.model.model_in_words import model_in_words
from hierbayes.priors.chosen_priors import choose_priors
from hierbayes.priors.prior_set import PriorSet
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.formula import Specification

if TYPE_CHECKING:
    import pymc as pm

    from hierbayes.studies.prior_predictive.prior_predictive import PriorPredictive


class PosedModel:
    """A specification on data, checked, with the priors stated for it.

    Parameters
    ----------
    problem : Problem
    data : DataFrame
        As they were given.
    stated : mapping or None
        Priors by block.
    """

    _counts: Given | None = None

    def __init__(
        self, problem: Problem, data: pd.DataFrame, stated: Mapping[str, Any] | None
    ) -> None:
        self.problem: Problem = problem
        self._data = data
        self._stated = dict(stated) if stated else None
        if self._stated:
            _ = self.priors

    @property
    def specification(self) -> Specification:
        """What was written, as the combined form."""
        return self.problem.design.specification

    @property
    def aliased(self) -> pd.DataFrame:
        """Fixed columns that are left out, a row each: weights of those that make them up.

        Examples
        --------
        >>> import hierbayes as hb
        >>> hs = hb.load_dataset("hs").assign(twice=lambda d: 2 * d["ses"])
        >>> hb.Model("mathach ~ ses + twice + (1 | school)", hs, aliased="drop").aliased
                  Intercept  ses
        left out
        twice           0.0  2.0
        """
        columns = self.problem.design.columns
        own = columns.terms[: len(columns.terms) // columns.n_predictors]
        return left_out_frame(columns.left_out, own)

    @cached_property
    def priors(self) -> PriorSet:
        """Every prior in force, with its scale and whether it was stated; prints as a table."""
        return choose_priors(self._stated, self.problem.holding_sigma)

    @cached_property
    def data(self) -> pd.DataFrame:
        """The data as they were given, rows that are left out included.

        Raises
        ------
        DataError
            When they have been changed in place since.
        """
        rows = self.problem.design.rows
        if not rows.streams and len(rows.frames):
            refuse_changed_data(self._data, rows)
        return native_numbers(self._data).copy(deep=False)

    def multilevel(self) -> Multilevel:
        """The model as equations at two levels, or at more of nested factors.

        Columns are split by which of them vary within groups.  A family, a residual structure,
        weights, counts and known errors stay outside, as arguments of `hb.Model` beside them.

        Raises
        ------
        FormulaError
            When a factor of level 1 is coded otherwise in one equation than in another, when
            factors cross.
        """
        return equations_at_levels(self.problem)

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
        return equations(self.problem)

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
        return meanings(self.problem)

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
        from hierbayes.translation.dialect import ModelToWrite  # noqa: PLC0415  # not to fit
        from hierbayes.translation.registry import emit  # noqa: PLC0415  # not to fit

        refuse_counted_code(self._counts, system)
        variables = describe_variables(self.problem, self.data)
        rows = self.problem.design.rows.family
        model = ModelToWrite(
            self.specification,
            variables,
            self.priors,
            data,
            ml,
            self.problem.family,
            () if rows is None else rows.outcomes,
            tuple(self.aliased.index),
        )
        return emit(model, system)

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
            columns; the response is only a reference beside it.  Of a family that is not
            Gaussian, lines are those of the linear predictor, the ICC is on the latent scale of
            the link where it has one, and responses are drawn.

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
        from hierbayes.studies.prior_predictive.prior_predictive import prior_predictive  # noqa: PLC0415  # not to fit

        self.problem.refuse_fitted_variances("prior_predictive()")
        if seed is None:
            seed = int(np.random.default_rng().integers(2**31))
        drawn = draw_priors(self.priors, self.problem, draws, seed)
        return prior_predictive(drawn, self.priors, self.problem, int(seed))

    def graph(self, *, collapse: bool = True, centered: bool = False) -> pm.Model:
        """The model as a PyMC model: priors, and the likelihood.

        By default it is marginal: γ (where its prior is normal) and every u are integrated out, and
        the likelihood is the potential ``log_likelihood`` of all data.  ``pm.sample``,
        ``pm.find_MAP``, and ``pm.stats.compute_log_prior`` with ``to_datatree(graph=True)`` work.

        With ``collapse=False`` it is the ordinary model of the equations, γ, u and the rows being
        variables, with the same posterior: ``response`` is observed, X, Z and the groups of rows
        are data, and ``pm.sample``, ``pm.sample_prior_predictive`` (of proper priors),
        ``pm.sample_posterior_predictive`` and ``pm.do`` work on it; more can be added inside
        ``with graph:``, and ``emit("pymc")`` writes it as code.  The graph of a family that is not
        Gaussian is of this kind always.  Parameters of a residual structure are
        ``error_coordinates``, and their density is a function of Python: ``hb.sample_graph``
        samples such a graph fastest.  Without a random part there are no ``u`` and no G.

        Parameters
        ----------
        collapse : bool
            Whether γ and u are integrated out where they can be.
        centered : bool
            Whether u ~ N(0, G) is a variable itself, better where groups have many rows; or u = Lb
            with b ~ N(0, I), better where they have few.

        Raises
        ------
        EstimationError, ResidualError
            When ``centered`` is asked of what is integrated out, or with a residual structure γ
            is not.

        Examples
        --------
        >>> import hierbayes as hb
        >>> hs = hb.load_dataset("hs")
        >>> model = hb.Model("mathach ~ ses + (1 | school)", data=hs)
        >>> graph = model.graph(collapse=False)
        >>> [variable.name for variable in graph.free_RVs]
        ['signed_sd', 'sigma', 'gamma_standard', 'b']
        """
        if self.problem.family is not None:
            from hierbayes.fit.of_family.graph import graph_of_family

            return graph_of_family(self.problem, self.priors, centered=centered)
        if not collapse:
            from hierbayes.estimation.explicit_graph import explicit_graph

            return explicit_graph(self.problem.holding_sigma, self.priors, centered=centered)
        if centered:
            raise EstimationError(
                "u is integrated out of this graph, so that it is neither centred nor not; write "
                "graph(collapse=False, centered=True)"
            )
        if self.problem.moments is not None:
            from hierbayes.estimation.structured_graph import structured_graph

            return structured_graph(self.problem, self.priors)
        from hierbayes.estimation.graph import graph_of

        return graph_of(self.problem.design, self.problem.holding_sigma.products, self.priors)

    def __repr__(self) -> str:
        return model_in_words(self.problem)

    def _repr_latex_(self) -> str | None:
        return self.equations()._repr_latex_() if self.specification.random else None
