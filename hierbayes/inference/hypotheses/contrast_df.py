"""Degrees of freedom of a matrix of contrasts, its rows checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from hierbayes.errors import HypothesisError, in_quotes
from hierbayes.fit.degrees_of_freedom.hypothesis_df import ContrastDf
from hierbayes.fit.degrees_of_freedom.source import df_source
from hierbayes.fit.fit import Fit
from hierbayes.inference.hypotheses.contrast_text import counted, spell_contrast
from hierbayes.inference.hypotheses.hypothesis import refuse_deficient


def contrast_df(fit: Fit, L: Any, method: str = "satterthwaite") -> ContrastDf:
    """Degrees of freedom of Lγ for a REML or ML fit.

    Parameters
    ----------
    fit : Fit
    L : (m, p) or (p,) float
        Rows are linear combinations of the fixed columns in the order of the terms.
    method : str
        ``"satterthwaite"``, ``"kenward-roger"`` (REML only), ``"inner-outer"`` (the
        smallest of the columns that have weight) or ``"none"`` (infinite).

    Raises
    ------
    HypothesisError
        When the method does not exist or does not suit the fit, or L is no hypothesis.
    EstimationError
        When the information on the variance parameters is not definite.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> reml = hb.Model("mathach ~ Sector", random="~ 1 | school", data=hs).reml()
    >>> contrast_df(reml, [[1, 0], [1, 1]], "kenward-roger").rows.round(2).tolist()
    [37.11, 38.99]
    """
    terms = fit.design.terms
    rows = np.atleast_2d(np.asarray(L, dtype=np.float64))
    if rows.shape[1] != len(terms):
        raise HypothesisError(
            f"the hypothesis has {counted(rows.shape[1], 'column')} and the model "
            f"{counted(len(terms), 'fixed term')}: {in_quotes(terms)}"
        )
    source = df_source(fit, method)
    labels = [spell_contrast(dict(zip(terms, row, strict=True))) for row in rows.tolist()]
    refuse_deficient(rows, labels, np.sqrt(np.diag(source.gamma_cov)))
    return source.of(rows)
