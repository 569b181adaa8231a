r"""Kenward and Roger's covariance of γ̂, and their F and degrees of freedom, for REML.

With P_i = −X'V⁻¹V_iV⁻¹X, Q_ij = X'V⁻¹V_iV⁻¹V_jV⁻¹X, Φ = (X'V⁻¹X)⁻¹ and 𝒲 the inverse of
REML's expected information of the variance parameters,

    Φ_A = Φ + 2 Φ {Σ_ij 𝒲_ij (Q_ij − P_iΦP_j)} Φ

(V is linear in the parameters, so that their second derivatives do not enter; of a residual
structure see `structured_kenward_roger`).  SAS and mmrm take the observed information for 𝒲, which
differs where rows are missing.  For m rows
L, with Θ = L'(LΦL')⁻¹L,

    A₁ = Σ_ij 𝒲_ij tr(ΘΦP_iΦ) tr(ΘΦP_jΦ),     A₂ = Σ_ij 𝒲_ij tr(ΘΦP_iΦΘΦP_jΦ)

and λF, F = (Lγ̂)'(LΦ_AL')⁻¹(Lγ̂)/m, is taken for an F with m and as many degrees of freedom
as give it mean and variance correct to their order, and exact where F is exact.

References
----------
Kenward & Roger (1997), doi:10.2307/2533558; Halekoh & Højsgaard (2014),
doi:10.18637/jss.v059.i09, whose guards against 0/0 are used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.errors import EstimationError
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.of_products import derivatives_of
from hierbayes.likelihood.variance_derivatives import (
    VarianceDerivatives,
    entry_units,
    generalised_inverse,
)


@dataclass(frozen=True, slots=True, eq=False)
class KenwardRogerParts:
    """What the formulas need of a fit, in the internal basis and relative to σ̂².

    Parameters
    ----------
    gamma_cov, adjusted : (p, p) float
        Φ and Φ_A.
    slopes : (k, p, p) float
        ΦP_iΦ, but for the sign.
    covariance : (k, k) float
        𝒲.
    """

    gamma_cov: Floats
    adjusted: Floats
    slopes: Floats
    covariance: Floats

    def joint_df(self, contrasts: Floats) -> tuple[float, float]:
        """Denominator degrees of freedom and the scaling λ of F, for all rows (m, p).

        For one row they are 2/A₂ and 1.  Both are missing where the moments are those of
        no F: where A₂ is not small, with very few groups.
        """
        m = len(contrasts)
        A1, A2 = self._sums(contrasts)
        if m == 1:
            return 2.0 / A2, 1.0
        B = (A1 + 6.0 * A2) / (2.0 * m)
        g = ((m + 1.0) * A1 - (m + 4.0) * A2) / ((m + 2.0) * A2)
        below = 3.0 * m + 2.0 * (1.0 - g)
        V0 = 1.0 + g / below * B
        V1 = 1.0 - (m - g) / below * B
        V2 = 1.0 - (m + 2.0 - g) / below * B
        V0 = 0.0 if abs(V0) < 1e-10 else V0
        mean = 1.0 - A2 / m  # of F, inverted
        both_vanish = abs(mean) < 1e-10 and abs(V1) < 1e-10
        with np.errstate(divide="ignore", invalid="ignore"):
            root = np.float64(1.0) if both_vanish else np.float64(mean) / V1
            df = 4.0 + (m + 2.0) * V2 / (root**2 * V0 - V2)  # V2 is 0 of 4 degrees of freedom
        scaling = 1.0 if abs(df - 2.0) < 1e-2 else df * mean / (df - 2.0)
        exists = df > 0.0 and scaling > 0.0
        return (float(df), float(scaling)) if exists else (np.nan, np.nan)

    def _sums(self, contrasts: Floats) -> tuple[float, float]:
        """A₁ and A₂."""
        inner = np.linalg.solve(contrasts @ self.gamma_cov @ contrasts.T, contrasts)
        parts = inner @ self.slopes @ contrasts.T  # (LΦL')⁻¹ L ΦP_iΦ L', (k, m, m)
        single = np.trace(parts, axis1=1, axis2=2)
        A1 = single @ self.covariance @ single
        A2 = np.einsum("ij,iab,jba->", self.covariance, parts, parts, optimize=True)
        return float(A1), float(A2)


def kenward_roger_parts(fit: Fitted, *, observed: bool) -> KenwardRogerParts:
    """What the formulas need of a REML fit whose Ĝ is not singular.

    Raises
    ------
    EstimationError
        When the observed information was asked for and is not positive semidefinite.
    """
    units = entry_units(fit.any_state, fit.design.blocks)
    derivatives = derivatives_of(fit.any_state, fit.design.blocks)
    return parts_of(derivatives, units, observed_covariance(fit) if observed else None)


def observed_covariance(fit: Fitted) -> Floats:
    """Covariance (k, k) of G's entries and σ², given errors, by the observed information.

    Raises
    ------
    EstimationError
        When it is not positive semidefinite.
    """
    units = entry_units(fit.any_state, fit.design.blocks)
    observed = derivatives_of(fit.any_state, fit.design.blocks).observed(restricted=True)
    covariance = generalised_inverse(observed, units)
    if covariance is None:
        raise EstimationError(
            "the observed information on the variance parameters is not positive definite at this "
            "maximum; use df='kenward-roger', which takes the expected one"
        )
    return covariance


def parts_of(
    derivatives: VarianceDerivatives, units: Floats, covariance: Floats | None = None
) -> KenwardRogerParts:
    """The same of derivatives by k variance parameters in units (k,), and their 𝒲 (k, k).

    Without it 𝒲 is that of the expected information.
    """
    cov, W = derivatives.gamma_cov, covariance
    if W is None:
        inverse = generalised_inverse(derivatives.expected, units)
        assert inverse is not None  # a Gram matrix
        W = 2.0 * inverse
    P, Q = derivatives.of_gamma, derivatives.second[:, :, :-1, :-1]
    gap = np.einsum("ij,ijab->ab", W, Q) - np.einsum("ij,iab,bc,jcd->ad", W, P, cov, P,
                                                     optimize=True)  # fmt: skip
    adjusted = cov + 2.0 * cov @ gap @ cov
    return KenwardRogerParts(cov, 0.5 * (adjusted + adjusted.T), cov @ P @ cov, W)
