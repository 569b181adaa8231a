"""What a sensitivity study found, as tables."""

from __future__ import annotations

from functools import cached_property

import pandas as pd
import xarray as xr

from hierbayes.display.page import Page
from hierbayes.display.reported import Reported
from hierbayes.fit.without_priors import maximum_of
from hierbayes.studies.sensitivity.answers import Baseline
from hierbayes.studies.sensitivity.cells import Estimands, maximum_columns
from hierbayes.studies.sensitivity.moments import Values
from hierbayes.studies.sensitivity.power_scaling import power_scaling
from hierbayes.studies.sensitivity.presentation import Presentation, provenance
from hierbayes.studies.sensitivity.table import study_table, study_verdicts
from hierbayes.studies.sensitivity.verdict import by_block


class StudyTables(Reported):
    """The tables of a study: what each alternative does to each quantity, and what that says.

    Parameters
    ----------
    baseline : Baseline
        The posterior that alternatives are set against.
    estimands : Estimands
        The quantities, and the probability of their intervals.
    cells : Dataset
        Every quantity under every alternative.
    before : Dataset
        Every quantity under the baseline.
    """

    baseline: Baseline
    estimands: Estimands
    cells: xr.Dataset
    before: xr.Dataset

    @cached_property
    def _values(self) -> Values:
        return self.estimands.values(self.baseline.fit)

    @cached_property
    def maximum(self) -> pd.DataFrame:
        """The estimate of every quantity without priors, with its limits where it has any.

        REML's; of a family that is not Gaussian that of ML by Laplace's approximation.
        """
        return maximum_columns(maximum_of(self.baseline.fit.problem), self.estimands)

    @property
    def reml(self) -> pd.DataFrame:
        """`maximum` of a Gaussian response.

        Raises
        ------
        FormulaError
            When the response is another.
        """
        self.baseline.fit.problem.refuse_other_families("reml")
        return self.maximum

    @cached_property
    def power_scaling(self) -> pd.DataFrame:
        """Power-scaling sensitivity of each quantity to each block of priors.

        ArviZ's number on the collapsed model: priors of γ, sd, corr and σ against
        p(y | γ, θ), u integrated out: of a family by quadrature, or by Laplace's approximation.
        """
        return power_scaling(self.baseline, self.estimands, self._values)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per quantity.

        ``mean``, ``sd``, ``lower`` and ``upper`` under the baseline; `maximum` beside them;
        ``smallest`` and ``largest`` posterior mean over the alternatives; ``moved_by``,
        the alternative that moves it most, of which ``block``, its ``movement`` of the
        mean in posterior sds with its Monte Carlo error ``mcse``, and the ``distance``
        of the two posteriors in the same units; ``sign_flips`` and ``decision_flips``,
        the number of alternatives under which its mean changes sign or its interval
        changes sides; and the ``verdict``.
        """
        return study_table(self.before, self.cells, self.estimands, self.maximum, self.verdicts)

    @cached_property
    def verdicts(self) -> pd.Series:
        """What the study says of each quantity, in words."""
        return study_verdicts(
            self.before, self.cells, self.estimands, self.maximum, self.power_scaling,
            self.baseline.objection,
        )  # fmt: skip

    @cached_property
    def blocks(self) -> pd.DataFrame:
        """The largest distance that the alternatives of each block bring, by quantity and block."""
        return by_block(self.cells)

    @cached_property
    def alternatives(self) -> pd.DataFrame:
        """One row per alternative: block, prior, how it was answered, k-hat, ESS, reason."""
        names = ["block", "prior", "how", "k_hat", "ess", "reason"]
        frame: pd.DataFrame = self.cells[names].reset_coords(names).to_dataframe()[names]
        return frame

    def to_datatree(self) -> xr.DataTree:
        """Baseline, cells, power scaling and maximum as a DataTree, with where they come from."""
        power = self.power_scaling.drop(columns="diagnosis").rename_axis(columns="component")
        tree = xr.DataTree.from_dict(
            {
                "baseline": self.before,
                "alternatives": self.cells,
                "power_scaling": xr.Dataset({"sensitivity": power.stack().to_xarray()}),
                str(self.maximum.columns[0]).lower(): self.maximum.to_xarray(),
            }
        )
        tree.attrs.update(provenance(self.baseline, self.estimands.interval))
        return tree

    def page(self) -> Page:
        """Verdicts, posterior means and how far they move, and what was not re-weighted."""
        return Presentation(self.baseline, self.table, self.alternatives).page()
