"""The likelihood ratio test of two nested models, on the boundary too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.display.blocks import Items, Lines, Table, numbered_lines, numbered_table
from hierbayes.display.page import Page, Printed
from hierbayes.errors import InferenceError
from hierbayes.fit.point import PointFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import (
    criterion_of,
    refuse_mixed_criteria,
    refuse_other_data,
    refuse_other_than_maxima,
)
from hierbayes.inference.model_choice.boundary_mixture import boundary_mixture
from hierbayes.inference.model_choice.chi_bar import mixture_text, read_mixture, upper_tail
from hierbayes.inference.model_choice.model_table import model_names
from hierbayes.inference.model_choice.nested_families import refuse_unknown_law
from hierbayes.inference.model_choice.nesting import Nesting, find_nesting
from hierbayes.inference.model_choice.simulated_ratios import simulated_ratios
from hierbayes.inference.model_choice.verdict import advice, what_is_tested
from hierbayes.specification.counts import is_whole, refuse_bad_seed

_SAME_UNITS = 1e-6  # of log-likelihoods


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LikelihoodRatio(Printed):
    """A likelihood ratio test.

    Parameters
    ----------
    models : DataFrame
        A row per model, the smaller one first: ``parameters``, ``logLik``, ``AIC``, ``BIC``.
    tested : str
        What the larger model has more, in words.
    chisq : float
        Twice the difference of the log-likelihoods.
    df : int
        Difference of the numbers of parameters.
    mixture : dict or None
        Weights by degrees of freedom, where the null lies on the boundary.
    simulated : (simulations,) float
        The statistic of responses simulated from the smaller model.
    advice : str
        Which p-value to use, and why.
    engine : str
        ``"REML"`` or ``"ML"``, with its approximation where it is one.
    cautions : tuple of str
        Which maximum is not certain.
    """

    models: pd.DataFrame
    tested: str
    chisq: float
    df: int
    mixture: dict[int, float] | None
    simulated: Floats
    advice: str
    engine: str
    cautions: tuple[str, ...] = ()

    @property
    def p_chi2(self) -> float:
        """P(χ²(df) ≥ chisq)."""
        return upper_tail(self.chisq, {self.df: 1.0})

    @property
    def p_mixture(self) -> float:
        """P(mixture ≥ chisq); nan where there is no mixture."""
        return upper_tail(self.chisq, self.mixture) if self.mixture else float("nan")

    @property
    def p_simulated(self) -> float:
        """(1 + how many of m simulated statistics are as large) / (1 + m); nan without any."""
        if not len(self.simulated):
            return float("nan")
        # equal but for the rounding of two maxima is as large
        larger = int((self.simulated >= self.chisq - 1e-7).sum())
        return (1 + larger) / (1 + len(self.simulated))

    @property
    def mcse(self) -> float:
        """Monte Carlo error of `p_simulated`."""
        p, m = self.p_simulated, len(self.simulated)
        return float(np.sqrt(p * (1.0 - p) / m)) if m else float("nan")

    @property
    def table(self) -> pd.DataFrame:
        """A row per p-value: its reference distribution, ``p_value`` and Monte Carlo error."""
        rows = {"chi-squared": (f"χ²({self.df})", self.p_chi2, np.nan)}
        if self.mixture:
            rows["mixture"] = (mixture_text(self.mixture), self.p_mixture, np.nan)
        if len(self.simulated):
            count = len(self.simulated)
            what = f"{count} refit{'s' if count != 1 else ''} under the smaller model"
            rows["simulated"] = (what, self.p_simulated, self.mcse)
        columns = ["reference", "p_value", "mcse"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def page(self) -> Page:
        """Both models, the statistic, its p-values, and which of them to use."""
        degrees = f"{self.df} degree{'s' if self.df != 1 else ''} of freedom"
        return Page(
            f"Likelihood ratio test of two {self.engine} fits",
            numbered_lines(self.models),
            (
                numbered_table(self.models),
                Lines((f"Statistic {self.chisq:.4f} on {degrees}",)),
                Table(self._shown()),
                Items((self.tested, self.advice, *self.cautions)),
            ),
        )

    def _shown(self) -> pd.DataFrame:
        return self.table if len(self.simulated) else self.table.drop(columns="mcse")


def likelihood_ratio(
    a: PointFit,
    b: PointFit,
    *,
    mixture: Mapping[int, float] | None = None,
    simulations: int = 0,
    seed: int | None = None,
    progress: bool = True,
) -> LikelihoodRatio:
    """Test of a model within a larger one.

    Parameters
    ----------
    a, b : PointFit
        Both by ML, or both by REML with the same fixed part; in any order.
    mixture : mapping, optional
        Weights by degrees of freedom of the reference distribution.  By default
        ½χ²(df − 1) + ½χ²(df) where exactly one random effect is tested, for its variance
        cannot be negative, or one parameter of the family lies at the end of its range (φ of
        `NegativeBinomial` where counts are Poisson's, the probability of further zeros);
        where two or three are tested that are independent, or two in one
        block, the weights that follow from the information on them at the smaller model; none
        otherwise.
    simulations : int
        Responses simulated from the smaller model, to each of which both are fitted.
    seed : int, optional
        Equal seeds give equal simulations.
    progress : bool
        Whether to show progress.

    Raises
    ------
    InferenceError
        When something maximises no likelihood, the data or the criteria differ, the models
        are not nested or the same, REML fits have different fixed parts, or the mixture is
        none; of responses that are not Gaussian also when families, offsets or approximations
        differ.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> small = hb.Model("mathach ~ ses + (1 | school)", data=hs).reml()
    >>> big = hb.Model("mathach ~ ses + (1 + ses | school)", data=hs).reml()
    >>> test = hb.likelihood_ratio(small, big)
    >>> test.chisq, test.p_chi2, test.p_mixture
    (1.77025, 0.41266, 0.29801)
    """
    refuse_other_than_maxima("likelihood_ratio", a, b, families=True, structured=True)
    refuse_mixed_criteria("likelihood_ratio", a, b)
    refuse_other_data("likelihood_ratio", a, b)
    if not is_whole(simulations) or simulations < 0:
        raise InferenceError(f"simulations must be a whole number from 0, not {simulations!r}")
    if seed is not None:
        refuse_bad_seed(seed)
    _refuse_other_offsets(a, b)
    nesting = find_nesting(a, b)
    _refuse_other_fixed_parts(nesting)
    if mixture is not None:
        chosen: dict[int, float] | None = read_mixture(mixture, nesting.df)
    else:
        refuse_unknown_law(nesting.family, nesting.effects_gained, simulations)
        on_boundary = nesting.effects_gained or nesting.family.ends
        chosen = boundary_mixture(nesting) if on_boundary else None
    return LikelihoodRatio(
        models=_models(nesting),
        tested=what_is_tested(nesting),
        chisq=max(2.0 * (nesting.big.loglik - nesting.small.loglik), 0.0),
        df=nesting.df,
        mixture=chosen,
        simulated=simulated_ratios(nesting, simulations, seed, progress=progress),
        advice=advice(nesting, chosen, simulations),
        engine=criterion_of(a, b),
        cautions=_cautions(nesting),
    )


def _cautions(nesting: Nesting) -> tuple[str, ...]:
    """A line for each model whose maximum is not certain, nor then its log-likelihood."""
    return tuple(
        f"the maximum of model {place} is not certain, as its diagnose() says, and so neither is "
        "the statistic"
        for place, fit in enumerate((nesting.small, nesting.big), start=1)
        if not fit.diagnose().ok
    )


def _refuse_other_offsets(a: PointFit, b: PointFit) -> None:
    """Refuse offsets that differ."""
    if np.any(np.asarray(a.design.rows.offset) != np.asarray(b.design.rows.offset)):
        raise InferenceError(
            "the models have different offsets, and are not nested; give both the same offset"
        )


def _refuse_other_fixed_parts(nesting: Nesting) -> None:
    if nesting.big.engine != "REML":
        return
    if nesting.fixed_gained:
        raise InferenceError(
            "REML likelihoods of models with different fixed parts are not comparable, for each "
            f"is of the response without its own fixed part ({nesting.small.design.specification}; "
            f"{nesting.big.design.specification}); fit both with model.ml()"
        )
    # X₀ = X K: the restricted likelihoods differ by log|K|, whatever the data say
    ours, theirs = (
        f.problem.holding_sigma.products.basis.x.matrix for f in (nesting.big, nesting.small)
    )
    volume = (np.linalg.slogdet(part)[1] for part in (ours, nesting.X, theirs))
    first, middle, last = volume
    if abs(first + middle - last) > _SAME_UNITS:
        raise InferenceError(
            "the fixed parts span the same space in different columns, which shifts REML "
            "likelihoods by a constant; write both fixed parts alike"
        )


def _models(nesting: Nesting) -> pd.DataFrame:
    fits = (nesting.small, nesting.big)
    return pd.DataFrame(
        {
            "parameters": [fit.maximum.n_parameters for fit in fits],
            "logLik": [fit.loglik for fit in fits],
            "AIC": [fit.aic for fit in fits],
            "BIC": [fit.bic for fit in fits],
        },
        index=pd.Index(model_names(fits), name="model"),
    )
