"""How the covariance of γ̂ moves with the parameters of a residual structure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.frames.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class ErrorDirections:
    """Parameters of the errors beside those of G and σ, whose own uncertainty is given them.

    Along a change of the coordinates z all other parameters go to where they are best.  So the
    covariance of everything is that of G and σ given z and, beside it, that of z.

    Parameters
    ----------
    slopes : (k, p, p) float
        Change of Φ, the covariance of γ̂ beside σ̂², along each coordinate.
    covariance : (k, k) float
        Of the coordinates.
    others : (k, m) float
        Change of the free entries of G and of σ², over σ̂² in the internal basis.
    """

    slopes: Floats
    covariance: Floats
    others: Floats

    def joint(self, given: Floats) -> Floats:
        """Covariance (m + k, m + k) of entries of G, σ² and z; of those given z it is (m, m)."""
        beside = self.covariance @ self.others
        return np.block([
            [given + self.others.T @ beside, beside.T], [beside, self.covariance]
        ])  # fmt: skip


def with_directions(
    slopes: Floats, covariance: Floats, errors: ErrorDirections | None
) -> tuple[Floats, Floats]:
    """Slopes and covariance of all variance parameters, those of the errors last."""
    if errors is None:
        return slopes, covariance
    m, k = len(covariance), len(errors.covariance)
    both = np.zeros((m + k, m + k))
    both[:m, :m], both[m:, m:] = covariance, errors.covariance
    return np.concatenate([slopes, errors.slopes]), both
