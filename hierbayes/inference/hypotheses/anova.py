"""The table of terms: each term of the formula tested beyond all others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page, Printed
from hierbayes.errors import HypothesisError
from hierbayes.fit.about import about_fit
from hierbayes.fit.degrees_of_freedom.source import (
    METHODS,
    refuse_unknown_method,
    usual_or_stated,
)
from hierbayes.fit.effects import fixef
from hierbayes.fit.fit import Fit
from hierbayes.fit.point import PointFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.inference.hypotheses.posterior_mass import mass_note, posterior_mass
from hierbayes.inference.hypotheses.type_three import term_contrasts
from hierbayes.inference.hypotheses.wald import BEYOND, joint_row

_TYPE = (
    "type III; a term is averaged over the levels of the factors it interacts with, and "
    "taken where numbers it interacts with are 0"
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Anova(Printed):
    """Each formula term of a fit tested beyond all others.

    Parameters
    ----------
    title : str
    about : tuple of str
        Lines on the model, the data, the hypotheses and the method.
    table : DataFrame
        Index: term. REML, ML and MAP: ``numDF``, ``denDF``, ``F``, ``p``. Posterior:
        ``rows``, ``distance``, ``beyond``, ``mcse``, as in `WaldTest`.
    L : dict
        From each term to its hypothesis, a DataFrame rows × fixed columns.
    df : str or None
        The method of the degrees of freedom; None for a posterior.
    notes : tuple of str
        What to know about the numbers.
    """

    title: str
    about: tuple[str, ...]
    table: pd.DataFrame
    L: dict[str, pd.DataFrame]
    df: str | None
    notes: tuple[str, ...]

    def page(self) -> Page:
        """The table, and what to know about it."""
        return Page(self.title, self.about, (Table(self.table), Items(self.notes)))


def anova(fit: Fit, *others: Fit, df: str | None = None) -> Anova:
    """Test every term of the fixed part but the intercept, each beyond all others (type III).

    Parameters
    ----------
    fit : Fit
        Of any engine; for a posterior each term has its posterior counterpart.
    *others : Fit
        None: fits are compared by `likelihood_ratio`, `model_table` and `compare`.
    df : str, optional
        As for `wald`.

    Returns
    -------
    Anova

    Raises
    ------
    HypothesisError
        When there is no term but the intercept, or ``df`` does not exist or suit the fit.
    EstimationError
        When Satterthwaite's degrees of freedom do not exist.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses * Sector", random="~ 1 | school", data=hs).reml()
    >>> hb.anova(fit).table.round(4)
                numDF      denDF         F       p
    term
    ses             1  1721.6023  142.8587  0.0000
    Sector          1    35.3824    5.9582  0.0198
    ses:Sector      1  1721.6023   10.8078  0.0010
    """
    if others:
        raise HypothesisError(
            "anova() tests the terms of one fit; two fits are compared by "
            "hb.likelihood_ratio(smaller, larger), several by hb.model_table(a, b, ...) or "
            "hb.compare(a, b, ...)"
        )
    refuse_other_than_fit(fit, "anova", structured=True)
    fit.design.refuse_no_fixed_part("anova()")
    if df is not None:
        refuse_unknown_method(df)
    contrasts = term_contrasts(fit.design)
    if not contrasts:
        raise HypothesisError(
            "the fixed part has no term but the intercept; test that with wald(fit)"
        )
    L = {
        term: pd.DataFrame(rows, columns=pd.Index(fit.design.terms, name="term"))
        for term, rows in contrasts.items()
    }
    if isinstance(fit, PointFit):
        return _point_table(fit, contrasts, L, df)
    return _posterior_table(fit, contrasts, L)


def _point_table(
    fit: PointFit, contrasts: dict[str, Floats], L: dict[str, pd.DataFrame], method: str | None
) -> Anova:
    source = usual_or_stated(fit, method)
    gamma = fixef(fit).to_numpy()
    found = {term: source.of(one) for term, one in contrasts.items()}
    rows = [joint_row(contrasts[term], gamma, df) for term, df in found.items()]
    notes = [f"{term}: {note}" for term, df in found.items() for note in df.notes]
    return Anova(
        title=f"Terms of the fixed part, {fit.engine}",
        about=about_fit(fit, ("Terms", _TYPE), ("df", METHODS[source.method])),
        table=pd.DataFrame(rows, index=pd.Index(contrasts, name="term")),
        L=L,
        df=source.method,
        notes=(*source.notes, *notes),
    )


def _posterior_table(fit: Fit, contrasts: dict[str, Floats], L: dict[str, pd.DataFrame]) -> Anova:
    masses = {term: posterior_mass(fit, one) for term, one in contrasts.items()}
    table = pd.DataFrame(
        {
            "rows": [len(one) for one in contrasts.values()],
            "distance": [mass.distance for mass in masses.values()],
            "beyond": [mass.beyond for mass in masses.values()],
            "mcse": [mass.mcse for mass in masses.values()],
        },
        index=pd.Index(contrasts, name="term"),
    )
    total = int(np.prod(fit.theta.sigma.shape))
    notes = [f"{term}: {note}" for term, mass in masses.items() for note in mass_note(mass, total)]
    return Anova(
        title="Terms of the fixed part, posterior counterpart of F tests",
        about=about_fit(fit, ("Terms", _TYPE), ("Joint", BEYOND)),
        table=table,
        L=L,
        df=None,
        notes=tuple(notes),
    )
