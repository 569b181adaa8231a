"""The Model: a specification on data, with one verb for each way to fit it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Unpack, overload

import numpy as np
import pandas as pd

from hierbayes.estimation.settings import SamplerSettings
from hierbayes.families.family import ResponseFamily
from hierbayes.families.text import read_family
from hierbayes.fit.point import PointFit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.frames.native_numbers import native_numbers
from hierbayes.model.arguments import (
    ModelWords,
    pose,
    pose_stream,
    random_and_data,
    read_errors,
    refuse_no_mapping,
    refuse_unsuited_aliased,
)
from hierbayes.model.by_row import (
    Given,
    refuse_counted_times,
    rows_counted,
    with_known_sigma,
)
from hierbayes.model.cross_products import CrossProducts, refuse_with_products
from hierbayes.model.engine import Engine, engine_of
from hierbayes.model.posed_model import PosedModel
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.sources.source import Source
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.foreign_words import refuse_foreign_words

_ARGUMENTS = (
    "formula", "random", "data", "priors", "functions", "family", "residual", "weights", "counts",
    "offset", "known_sd", "aliased", "client",
)  # fmt: skip


class Model(PosedModel):
    """A hierarchical model on data.

    Parameters
    ----------
    formula : str or Multilevel
        The combined form, ``"y ~ x * w"`` with ``random`` or
        ``"y ~ x * w + (1 + x | g)"``, or equations at each level.  A combined form without
        random part is an ordinary regression, whose rows are in no groups.
    random : str or mapping, optional
        Random part in nlme's spelling, ``"~ 1 + x | g"``; for nested factors also
        ``"~ 1 | school/class"``, or ``{"school": "~ 1 + x", "class": "~ 1"}``.
    data : DataFrame, a source of rows, or CrossProducts
        One row per observation; also given second, as in ``Model(formula, data)``.  Rows
        with a missing value in a column the model uses are left out, counted and reported.
        Tables of polars and Arrow are taken as frames.  Rows of a file, a folder or a pattern
        (``data="rows/*.parquet"``; Parquet, Feather, CSV), of a Dask dataframe, of a lazy frame of
        polars, of an Arrow dataset and of a DuckDB relation stream: they are never in memory
        together.
    priors : mapping, optional
        From a block (``gamma``, ``sd``, ``corr``, ``sigma``) to a prior, or to a
        mapping from names to priors, for ``sd`` also by grouping factor, as in
        ``dict(sd={"school": {"ses": HalfNormal(2)}})``; the rest keeps its defaults,
        see `priors`.
        The blocks ``G``, ``icc`` and ``r2`` take one prior for several of these, and ``G``
        also one of some grouping factors, ``dict(G={"school": InverseWishart(4, 10)})``.
        ``residual`` has the parameters of a residual structure, as in
        ``dict(residual={"phi": Normal(0.5, 0.2)})``.
        REML and ML do not use them.
    functions : mapping, optional
        From names to functions that the formula calls beside those it knows, as in
        ``{"hinge": hinge}`` for ``hinge(x, 2)``.  Each takes columns as Series (numbers in
        float64) and constants, and makes each row of that row alone.
    family : str or ResponseFamily, optional
        Of the response, where it is not Gaussian: one of `hb.families`, as in
        ``hb.families.Binomial(link="probit")``, or its text, ``"binomial"``.  Counts out of
        trials are written ``cbind(k, failures) ~ ...`` or ``k | trials(size) ~ ...``, and
        ``offset(log(exposure))`` has a place in the formula.
    residual : ResidualStructure, optional
        How errors vary and are correlated, of `hb.residuals`, as in
        ``hb.residuals.AR1("week") * hb.residuals.Strata("sex")``; by default all alike, and
        independent given the random effects.  ``StudentT`` is a family, said in another word.
    weights : str or array, optional
        Precision weights w, a column or a number for each row: errors have the variance σ²/w, as
        in lme4.
    counts : str or array, optional
        How many equal rows each row stands for, whole numbers: the model is that of these rows.
    offset : str or array, optional
        A column, an expression or numbers that are added to the mean (of other families, to the
        linear predictor) with a coefficient of 1; the same as ``offset(x)`` in the formula.
    known_sd : str or array, optional
        Standard deviations of the errors, where they are known, as those of estimates in a
        meta-analysis: σ is no parameter then (a posterior holds it at 1), and a group may have
        one row.
    aliased : str
        Fixed columns that are combinations of those before them (of a second coding of a factor, of
        cells of an interaction without rows, ``2 * x`` beside ``x``) are refused by name; with
        ``"drop"`` they are left out, as lme4 does. `aliased` of the model has what they equal, and
        predictions of rows in which a combination does not hold are refused.
    client : distributed.Client, optional
        Of a Dask cluster, whose workers sum up partitions or files where they are, as of
        `CrossProducts`.

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
        **words: Unpack[ModelWords],
    ) -> None: ...

    @overload
    def __init__(
        self,
        formula: str | Multilevel,
        random: str | Mapping[str, str] | None = None,
        *,
        data: pd.DataFrame,
        **words: Unpack[ModelWords],
    ) -> None: ...

    @overload
    def __init__(
        self,
        formula: str | Multilevel,
        random: str | Mapping[str, str] | None,
        data: pd.DataFrame,
        **words: Unpack[ModelWords],
    ) -> None: ...

    def __init__(
        self,
        formula: str | Multilevel,
        random: str | Mapping[str, str] | pd.DataFrame | None = None,
        data: pd.DataFrame | None = None,
        *,
        priors: Mapping[str, Any] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        family: str | ResponseFamily | None = None,
        residual: ResidualStructure | None = None,
        weights: Given | None = None,
        counts: Given | None = None,
        offset: Given | None = None,
        known_sd: Given | None = None,
        aliased: str = "refuse",
        client: Any = None,
        **foreign: object,
    ) -> None:
        refuse_foreign_words(foreign, _ARGUMENTS)
        self._counts = counts
        if isinstance(random, CrossProducts):
            random, data = None, random
        if not isinstance(data, CrossProducts):
            random, data = random_and_data(random, data)
        refuse_unsuited_aliased(aliased, data)
        if client is not None:
            refuse_with_products(read_family(family), None)
            data = CrossProducts(
                formula,
                random,
                data,
                functions=functions,
                residual=residual,
                client=client,
                weights=weights,
                counts=counts,
                offset=offset,
                known_sd=known_sd,
            )
            weights = counts = offset = known_sd = functions = residual = None
        of_family, errors = read_errors(residual, read_family(family))
        refuse_counted_times(errors, counts)
        given = {"weights": weights, "known_sd": known_sd, "offset": offset}
        if isinstance(data, CrossProducts):
            refuse_with_products(of_family, errors, functions=functions, counts=counts, **given)
            problem = data.problem_of(formula, random)
            data = problem.design.rows.head.frames[0]
        elif not isinstance(data, pd.DataFrame) and isinstance(data, Source):
            problem = pose_stream(
                formula, random, data, functions, of_family, errors, counts=counts, **given
            )
            data = problem.design.rows.head.frames[0]
        else:
            if counts is not None or any(one is not None for one in given.values()):
                data = rows_counted(native_numbers(data), counts)
            problem, data = pose(
                formula, random, data, functions, of_family, errors, aliased=aliased, **given
            )
        refuse_no_mapping(priors)
        super().__init__(problem, data, with_known_sigma(priors, problem.design.specification))
        self._engine: Engine = engine_of(problem)

    def reml(self) -> PointFit:
        """Restricted maximum likelihood: the exact maximum, boundary included.

        Raises
        ------
        FormulaError
            When the response is not Gaussian.
        """
        return self._engine.reml()

    def ml(self, *, nodes: int = 1) -> PointFit:
        """Maximum likelihood: the exact maximum, boundary included.

        Parameters
        ----------
        nodes : int
            For a family that is not Gaussian, whose u cannot be integrated out exactly: nodes of
            adaptive Gauss–Hermite quadrature for each effect, of one grouping factor with up to
            three effects.  One node is Laplace's approximation.
        """
        return self._engine.ml(nodes)

    def map(self) -> PointFit:
        """The mode of the marginal posterior density of (sd, corr, σ), u integrated out.

        γ is integrated out as well where its prior is normal or flat, and maximised
        with θ otherwise.  The mode of a density depends on the parametrisation:
        with flat priors on sd, corr, σ and γ, and only then, it is the REML estimate.
        Parameters of a residual structure are maximised over with θ, as they are printed, but of φ
        under `UniformCorrelation` the correlation that is uniform.

        Of a family that is not Gaussian u is integrated out by Laplace's approximation, and γ and
        the dispersion are maximised with θ: with flat priors it is the ML estimate.
        """
        return self._engine.map(self.priors)

    def sample(
        self,
        draws: int = 1000,
        *,
        tune: int = 500,
        chains: int = 4,
        seed: int | None = None,
        target_accept: float | None = None,
        sampler: str = "auto",
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
        target_accept : float, optional
            Wanted acceptance rate; nearer 1 takes smaller steps.  By default 0.95, and 0.88 of
            families that are not Gaussian, whose map keeps their posterior nearly normal.
        sampler : str
            ``"nutpie"`` for NUTS, or ``"pymc"`` for PyMC's own; ``"importance"`` for importance
            sampling of θ, which needs a thousand likelihoods and no gradient. ``"auto"`` is NUTS
            unless that would take long (many thousand groups, a thousand crossed levels) and
            the weights of importance sampling say that it can stand in; the summary names it.
        cores : int, optional
            Chains at a time; by default as many as the machine has processors.
        progress : bool
            Whether to show a progress bar.
        """
        if seed is None:
            seed = int(np.random.default_rng().integers(2**31))
        settings = SamplerSettings(
            draws,
            tune,
            chains,
            seed,
            self._engine.target_accept if target_accept is None else target_accept,
            sampler,
            cores,
            progress,
        )
        return self._engine.sample(self.priors, settings)
