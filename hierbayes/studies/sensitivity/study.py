"""The sensitivity study: a posterior under a grid of other priors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.display.steps import steps
from hierbayes.errors import StudyError, in_quotes
from hierbayes.fit.fit import Fit
from hierbayes.priors.prior_set import PriorSet
from hierbayes.studies.sensitivity.alternatives import Alternative, read_alternatives
from hierbayes.studies.sensitivity.answers import Answer, Answerer, baseline_of
from hierbayes.studies.sensitivity.cells import (
    Estimands,
    alternative_cells,
    baseline_cells,
)
from hierbayes.studies.sensitivity.deletion import can_be_deleted, deletion
from hierbayes.studies.sensitivity.derivatives import derivatives
from hierbayes.studies.sensitivity.evidence_cells import evidence_cells
from hierbayes.studies.sensitivity.information import information
from hierbayes.studies.sensitivity.power_scaling import power_grid
from hierbayes.studies.sensitivity.quantities import read_quantities
from hierbayes.studies.sensitivity.study_tables import StudyTables
from hierbayes.studies.sensitivity.table import furthest_of_blocks
from hierbayes.studies.sensitivity.tipping import (
    ETAS,
    SCALES,
    TippingPoints,
    prior_points,
    refuse_not_positive,
    tipping_points,
)
from hierbayes.studies.sensitivity.verdict import rejected


class SensitivityStudy(StudyTables):
    """A posterior under a grid of other priors, and what that says about each conclusion.

    Every alternative is answered by exact re-weighting of the draws of θ: only the
    priors that differ are evaluated, γ is integrated out anew where its normal prior
    changes, and u follows exactly.  With a residual structure each draw has its own R, and the
    parameters of the errors have priors of their own.  Of a family that is not Gaussian the draws
    of γ, θ and the dispersion are weighted together, by the same ratio of priors.  Where Pareto
    k-hat says that the draws do not reach (above 0.5), the draws are worth less than 5%, or the
    baseline's priors exclude what the alternative allows, the alternative is sampled, by the
    baseline's settings; the first posterior of a new family of priors compiles once on a machine.

    Parameters
    ----------
    fit : Fit
        The baseline, a posterior from `Model.sample`.
    alternatives : mapping, optional
        From a block (``gamma``, ``sd``, ``corr``, ``sigma``, ``G``, ``icc``, ``r2``, ``residual``,
        of which the variances of the errors are ``weights``; of a family
        ``gamma``, ``sd``, ``corr`` and its dispersion) to named priors or a list of
        priors, and from ``several`` or ``cautionary`` to named mappings from blocks to priors; by
        default the usual ones for each block, on the baseline's scales.
    quantities : sequence, optional
        Fixed terms by name, or values from `hierbayes.quantities`; or a mapping from names
        to functions of a fit.  By default every effect, sd, correlation, σ, ICC and R².
    prob : float
        Of the intervals.
    refit : bool
        Whether to sample anew where re-weighting does not reach.
    client : distributed.Client, optional
        Of a Dask cluster, whose workers sample at once all alternatives that the draws of the
        baseline do not reach; without one those that are sampled serve the next, where they can.
    progress : bool
        Whether to show progress.

    Raises
    ------
    StudyError, PriorError
        When the fit is no posterior, or a block, a name or a quantity does not exist.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> model = hb.Model("mathach ~ ses", random="~ 1 | school", data=hs)
    >>> post = model.sample(draws=250, chains=4, seed=1, progress=False)
    >>> grid = {"sd": {"narrow": hb.HalfNormal(1.0)}}
    >>> study = hb.SensitivityStudy(post, grid, ["ses"], progress=False)
    >>> study.alternatives["how"].tolist()
    ['re-weighted']
    """

    def __init__(
        self,
        fit: Fit,
        alternatives: Any = None,
        quantities: Any = None,
        *,
        prob: float = DEFAULT_PROB,
        refit: bool = True,
        client: Any = None,
        progress: bool = True,
    ) -> None:
        self.baseline = baseline_of(fit)
        self.estimands = Estimands(read_quantities(quantities, fit), Interval(prob))
        chosen = read_alternatives(alternatives, fit.problem, self.baseline.priors)
        self._answerer = Answerer(self.baseline, refit=refit)
        if client is not None:
            self._answerer.sample_ahead(chosen, client)
        self.answers = self._answer(chosen, progress=progress)
        self.cells = alternative_cells(fit, self.answers, self.estimands)
        self.before = baseline_cells(fit, self.estimands)

    def _answer(self, chosen: tuple[Alternative, ...], *, progress: bool) -> tuple[Answer, ...]:
        with steps(len(chosen), "priors", progress=progress) as shown:
            return tuple(self._answerer.answer(chosen[i]) for i in shown)

    def evidence(self) -> pd.DataFrame:
        """The log marginal likelihood under the baseline and each alternative.

        It answers for priors as much as for the model: here is by how much.  Under an alternative
        it is the baseline's times the posterior mean of the ratio of the priors; where draws
        cannot be weighted to the alternative, it is integrated anew.

        Returns
        -------
        DataFrame
            One row for the baseline and each alternative: ``block``, ``log_evidence`` with its
            ``error``, ``log_bf`` over the baseline with ``error_bf``, ``k_hat``, ``how``
            (re-weighted, integrated, or no evidence) and ``reason``.

        Raises
        ------
        PriorError
            When a prior of the baseline is improper; an improper alternative has no evidence.

        Examples
        --------
        >>> import hierbayes as hb
        >>> hs = hb.load_dataset("hs")
        >>> model = hb.Model("mathach ~ ses", random="~ 1 | school", data=hs)
        >>> post = model.sample(draws=250, chains=4, seed=1, progress=False)
        >>> grid = {"gamma": {"twice as wide": hb.Normal(0, 30)}, "sigma": {"flat": hb.Flat()}}
        >>> study = hb.SensitivityStudy(post, grid, ["ses"], progress=False)
        >>> study.evidence()["how"].tolist()
        ['integrated', 're-weighted', 'no evidence']
        """
        return evidence_cells(self.baseline, self.answers)

    def power_grid(
        self, alphas: tuple[float, ...] = (0.1, 0.25, 0.5, 0.8, 1.25, 2.0, 4.0, 10.0)
    ) -> xr.Dataset:
        """Movement as each block of priors, or the likelihood, is raised to powers α."""
        refuse_not_positive("alphas", alphas)
        return power_grid(self.baseline, self.estimands, self._values, alphas)

    def derivatives(self) -> xr.Dataset:
        """Change of posterior means, in sds, per unit of the log of each number in the priors."""
        return derivatives(self.baseline, self.estimands, self._values)

    def information(self) -> pd.DataFrame:
        """Prior, rest and posterior of each parameter, with contraction and conflict."""
        return information(self._answerer)

    def tipping(
        self,
        quantity: str,
        *,
        scales: tuple[float, ...] = SCALES,
        etas: tuple[float, ...] = ETAS,
        progress: bool = True,
    ) -> TippingPoints:
        """One conclusion over (scale of the priors of sd) × (η of LKJ).

        Parameters
        ----------
        quantity : str
            Name of one quantity of the study.
        scales : tuple of float
            Factors on the scale of every prior of sd.
        etas : tuple of float
            Of LKJ, for every block of correlations.
        progress : bool
            Whether it is shown how far it is.

        Raises
        ------
        StudyError
            When the study has no such quantity.
        """
        if quantity not in self.estimands.names:
            listed = in_quotes(self.estimands.names)
            raise StudyError(f"the study has no quantity '{quantity}'; they are: {listed}")
        points, chosen = prior_points(self.baseline, scales, etas)
        at = self.estimands.names.index(quantity)
        one = Estimands((self.estimands.quantities[at],), self.estimands.interval)
        answers = self._answer(chosen, progress=progress)
        cells = alternative_cells(self.baseline.fit, answers, one).isel(quantity=0)
        corr = self.baseline.priors.own_corr
        eta = float(corr[0][1].parameters["eta"]) if corr else np.nan
        before = self.before.sel(quantity=quantity)
        found = tipping_points(quantity, points, cells, before, eta)
        why = self.baseline.objection
        return replace(found, verdict=rejected(why), objection=why) if why else found

    def deletion(
        self,
        alternatives: list[str] | str | None = None,
        *,
        factor: str | None = None,
        progress: bool = True,
    ) -> xr.Dataset:
        """Posterior means without each group in turn, under the baseline and under alternatives.

        Parameters
        ----------
        alternatives : list of str, optional
            Names of alternatives; by default the one of each block that moves any
            quantity most.
        factor : str, optional
            Whose groups are left out, where the model has several grouping factors.
        progress : bool
            Whether to show progress, of several grouping factors.

        Returns
        -------
        Dataset
            ``movement`` and ``k_hat``, see `hierbayes.studies.sensitivity.deletion.deletion`.
        """
        chosen = self._chosen(alternatives)
        kept = tuple(one for one in self.estimands.quantities if can_be_deleted(one))
        if not kept:
            raise StudyError("no quantity of the study can be followed as groups are left out")
        estimands = Estimands(kept, self.estimands.interval)
        return deletion(self.baseline, chosen, estimands, factor, progress=progress)

    def _chosen(self, names: list[str] | str | None) -> tuple[Alternative, ...]:
        known = {one.alternative.name: one.alternative for one in self.answers}
        if isinstance(names, str):
            names = [names]
        if names is None:
            furthest = furthest_of_blocks(self.cells)
            names = [n for n in furthest if self._can_leave_out(known[n].priors)]
        for name in names:
            if name not in known:
                listed = in_quotes(known)
                raise StudyError(f"the study has no alternative '{name}'; they are: {listed}")
        return tuple(known[name] for name in names)

    def _can_leave_out(self, priors: PriorSet) -> bool:
        """Whether groups can be left out under these priors."""
        return self.baseline.fit.problem.family is not None or priors.collapses_gamma
