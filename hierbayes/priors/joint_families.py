"""Priors of several parameters at once: of G, the intraclass correlation, and R².

Light values as those of single parameters; `joint_prior` and `variance_shares` put
them in a graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from hierbayes.errors import PriorError, in_quotes
from hierbayes.frames.arrays import Floats
from hierbayes.priors.families import Prior

type Scale = float | tuple[float, ...] | tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class MatrixPrior(Prior):
    """A prior of the covariance matrix G (q, q) of the random effects, in the user's units.

    Parameters
    ----------
    nu : float
        Degrees of freedom, above q − 1.
    scale : float, sequence (q,) or matrix (q, q)
        Scale matrix: a multiple of the identity, a diagonal, or the whole.
    """

    positive: ClassVar[tuple[str, ...]] = ("nu",)
    nu: float
    scale: Any

    def __post_init__(self) -> None:
        name = type(self).__name__
        if not isinstance(self.nu, Real) or not np.isfinite(self.nu):
            raise PriorError(f"{name}: nu must be a number, not {self.nu!r}")
        scale = _frozen(self.scale, name)
        object.__setattr__(self, "scale", scale)
        if isinstance(scale, float):
            if not scale > 0:
                raise PriorError(f"{name}: scale must be positive, not {_shown(scale)}")
            return
        matrix = np.array(scale) if np.ndim(scale) == 2 else np.diag(scale)
        if not np.allclose(matrix, matrix.T) or np.linalg.eigvalsh(matrix)[0] <= 0.0:
            raise PriorError(
                f"{name}: scale must be symmetric and positive definite, not {_shown(scale)}"
            )

    @property
    def parameters(self) -> dict[str, float]:
        """Only the degrees of freedom: the scale is a matrix, see `scale_matrix`."""
        return {"nu": float(self.nu)}

    def scale_matrix(self, effects: Sequence[str]) -> Floats:
        """The scale (q, q) for a model with these random effects.

        Raises
        ------
        PriorError
            When the size of the scale or the degrees of freedom do not fit the effects.
        """
        q, name = len(effects), type(self).__name__
        listed = in_quotes(effects)
        if not self.nu > q - 1:
            raise PriorError(
                f"{name}: nu must exceed {q - 1}, one less than the number of random effects "
                f"({listed}), not {self.nu:g}"
            )
        scale = np.array(self.scale)
        if scale.ndim and len(scale) != q:
            raise PriorError(
                f"{name}: scale is for {len(scale)} random effects, but the model has {q}: {listed}"
            )
        return scale if scale.ndim == 2 else np.diag(np.broadcast_to(scale, q))

    def __str__(self) -> str:
        return f"{type(self).__name__}({self.nu:.4g}, {_shown(self.scale)})"


@dataclass(frozen=True, slots=True)
class InverseWishart(MatrixPrior):
    """``p(G) ∝ |G|^{−(ν+q+1)/2} exp(−tr(ΨG⁻¹)/2)``, with ν = ``nu`` and Ψ = ``scale``."""

    distribution: ClassVar[str] = "InverseWishart"


@dataclass(frozen=True, slots=True)
class Wishart(MatrixPrior):
    """``p(G) ∝ |G|^{(ν−q−1)/2} exp(−tr(V⁻¹G)/2)``, with ν = ``nu`` and V = ``scale``."""

    distribution: ClassVar[str] = "Wishart"


@dataclass(frozen=True, slots=True)
class Beta(Prior):
    """Beta prior of the intraclass correlation, as `Fit.icc` averages it over the rows.

    How the variance between groups is split between several random effects is uniform.  It is
    also one of a correlation of errors between 0 and 1.
    """

    distribution: ClassVar[str] = "Beta"
    positive: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    alpha: float
    beta: float


@dataclass(frozen=True, slots=True)
class LatentBeta(Beta):
    """The same on the latent scale of a family, where the variance of a row is ``residual``.

    A model makes it of a `Beta` that is stated.
    """

    residual: float

    @property
    def parameters(self) -> dict[str, float]:
        """Those of the Beta distribution."""
        return {"alpha": self.alpha, "beta": self.beta}

    def __str__(self) -> str:
        return str(Beta(self.alpha, self.beta))


@dataclass(frozen=True, slots=True)
class R2D2M2(Prior):
    """Prior of the share R² of the variance that fixed and random effects explain together.

    R² ~ Beta(mean · precision, (1 − mean) · precision), and the explained variance is split
    between the columns by a Dirichlet distribution with one ``concentration`` for all;
    below 1 it favours few large effects.

    References
    ----------
    Aguilar & Bürkner (2023), *Intuitive Joint Priors for Bayesian Linear Multilevel
    Models: The R2D2M2 Prior*, arXiv:2208.07132.
    """

    distribution: ClassVar[str] = "R2D2M2"
    has_density: ClassVar[bool] = False
    positive: ClassVar[tuple[str, ...]] = ("precision", "concentration")
    mean: float = 0.5
    precision: float = 2.0
    concentration: float = 1.0

    def __post_init__(self) -> None:
        Prior.__post_init__(self)
        if not 0 < self.mean < 1:
            raise PriorError(f"R2D2M2: mean must lie between 0 and 1, not {self.mean}")


def _frozen(scale: Any, name: str) -> Scale:
    """A scale as a number, a tuple, or a tuple of equally long tuples."""
    try:
        given = np.asarray(scale)
    except ValueError:  # rows of unequal lengths
        given = np.array("")
    array = given.astype(np.float64) if given.dtype.kind in "iuf" else np.array(np.nan)
    square = array.ndim < 2 or (array.ndim == 2 and array.shape[0] == array.shape[1])
    if not (array.size and square and np.isfinite(array).all()):
        raise PriorError(
            f"{name}: scale must be a number, a sequence of numbers or a square matrix, "
            f"not {scale!r}"
        )
    if array.ndim == 2:
        return tuple(tuple(row) for row in array.tolist())
    return tuple(array.tolist()) if array.ndim else float(array)


def _shown(scale: Any) -> str:
    if isinstance(scale, float):
        return f"{scale:.4g}"
    return f"[{', '.join(map(_shown, scale))}]"
