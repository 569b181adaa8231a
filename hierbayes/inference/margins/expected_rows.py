r"""Expected responses of rows as smooth functions of their linear predictors.

Of new groups the expected response is averaged over their effects,

    ∫ μ(η + s z) φ(z) dz,  s² = z'Gz of the row,

by Gauss–Hermite quadrature; of nominal categories over those of each of them, which are independent
(`random_utility`); of a Gaussian response, and of η itself, it is that of u = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.errors import DataError, in_quotes
from hierbayes.fit.fit import Fit
from hierbayes.fit.predictions.kinds import kind_of
from hierbayes.fit.predictions.law_of_rows import law_of
from hierbayes.fit.predictions.prediction_rows import PredictionRows, rows_to_predict
from hierbayes.fit.predictions.response_law import ResponseLaw
from hierbayes.frames.arrays import Floats
from hierbayes.specification.factor_name import factor_called

EFFECTS = ("all", "none", "new")
KINDS = ("mean", "linear", "probability")
_STEP = 1e-4  # of η, for a derivative


@dataclass(frozen=True, slots=True)
class Asked:
    """What is expected of rows.

    Parameters
    ----------
    effects : str or sequence of str
    kind : str
    group_means : str
    """

    effects: str | tuple[str, ...]
    kind: str
    group_means: str


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedRows:
    """Rows at which a response is expected.

    Parameters
    ----------
    rows : PredictionRows
    new : (n P, q) float or None
        Z of effects over which is averaged; None where there are none.
    law : ResponseLaw
        Of these rows.
    kind : str
        ``"mean"``, ``"linear"`` or ``"probability"``.
    """

    rows: PredictionRows
    new: Floats | None
    law: ResponseLaw
    kind: str

    @property
    def is_linear(self) -> bool:
        """Whether what is expected is η."""
        return self.kind == "linear" or self.law.is_linear

    @property
    def C(self) -> int:
        """Numbers a row."""
        if self.kind == "linear":
            return self.rows.P
        return len(self.law.categories) if self.kind == "probability" else 1

    def spread(self, root: Floats, at: slice) -> Floats | None:
        """s (..., m P) of some of the rows, for roots of G (..., q, q)."""
        if self.new is None:
            return None
        P = self.rows.P
        mine = self.new[at.start * P : at.stop * P]
        return np.asarray(np.sqrt(((mine @ root) ** 2).sum(axis=-1)))

    def part(self, at: slice) -> ResponseLaw:
        """The law of some of the rows."""
        return self.law.part(at)

    def values(
        self, law: ResponseLaw, eta: Floats, phi: Floats, spread: Floats | None, nodes: int
    ) -> Floats:
        """What is expected (m, C) of rows of this law, with η (m P,)."""
        if self.is_linear:
            return eta.reshape(-1, self.C)
        if spread is not None and spread.any():
            found = law.averaged(self.kind, eta, spread, phi, nodes)
        else:
            found = (
                law.probabilities(eta, phi) if self.kind == "probability" else law.mean(eta, phi)
            )
        return found.reshape(-1, self.C)

    def derivatives(
        self, law: ResponseLaw, eta: Floats, phi: Floats, spread: Floats | None, nodes: int
    ) -> Floats:
        """Those by each of the linear predictors (m, C, P)."""
        P = self.rows.P
        if self.is_linear:
            return np.broadcast_to(np.eye(P), (len(eta) // P, P, P))
        found = []
        for p in range(P):
            step = _STEP * (np.arange(len(eta)) % P == p)
            up, down = (self.values(law, eta + s * step, phi, spread, nodes) for s in (1.0, -1.0))
            found.append((up - down) / (2.0 * _STEP))
        return np.stack(found, axis=-1)


def expected_rows(fit: Fit, data: pd.DataFrame | None, asked: Asked) -> ExpectedRows:
    """Rows of a fit, or others, with what is expected of them.

    Raises
    ------
    DataError
        When they cannot be used, or are in groups that the fit has not seen.
    """
    design = fit.design
    new = asked.effects == "new" and bool(design.specification.random)
    rows = rows_to_predict(
        design,
        data,
        effects="none" if asked.effects == "new" else asked.effects,
        new_groups="population",
        group_means=asked.group_means,
    )
    for k in rows.counted:
        seen = rows.is_seen(k, design.factors[k].J)
        if not seen.all():
            raise DataError(
                f"row {rows.index[int((~seen).argmax()) // rows.P]} of newdata is in no group of "
                f"'{design.factors[k].name}' that the fit has seen; effects='new' averages over "
                "new groups, and effects='none' holds their effects at 0"
            )
    law = law_of(fit.problem, rows)
    kind = kind_of(asked.kind, law)
    if kind == "probability" and not law.categories:
        law.probabilities(np.zeros(len(rows.X)), fit.mean_phi)  # refuses
    Z = None
    if new and not (law.is_linear or kind == "linear"):
        own = asked.group_means == "own"
        Z = design.rows.Z
        if rows.data is not None:
            Z = design.columns.new_matrices(rows.data, random=True, own_means=own)[1]
    return ExpectedRows(rows, Z, law, kind)


def refuse_unknown_words(fit: Fit, asked: Asked) -> None:
    """Refuse effects and kinds that there are not.

    Raises
    ------
    DataError
    """
    factors = fit.design.specification.factors
    words = (asked.effects,) if isinstance(asked.effects, str) else asked.effects
    allowed = EFFECTS if isinstance(asked.effects, str) else ()
    for word in words:
        if word not in allowed and factor_called(word, factors) is None:
            listed = f", or grouping factors: {in_quotes(factors)}" if len(factors) > 1 else ""
            raise DataError(
                f"effects must be one of {in_quotes(EFFECTS)}{listed}, not {asked.effects!r}"
            )
    if asked.kind not in KINDS:
        raise DataError(f"kind must be one of {in_quotes(KINDS)}, not {asked.kind!r}")
