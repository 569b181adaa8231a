"""Joint draws of everything that a response depends on, and what they make of rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.fit.predictions.response_law import ResponseLaw
from hierbayes.frames.arrays import Floats

_NUMBERS_AT_ONCE = 4_000_000
_UNSEEN, _RESPONSES = 11, 12  # streams of random numbers


@dataclass(frozen=True, slots=True, eq=False)
class ParameterDraws:
    """M joint draws.

    Parameters
    ----------
    gamma : (M, p) float
    us : tuple of (M, J_k, q_k) float
        Random effects of each factor.
    root : (M, q, q) float
        A root of G, from which effects of new groups are drawn.
    phi : (M, d) float
        Dispersion, as η is computed.
    shape : (int, int)
        Chains and draws in each.
    seed : int
        Of what is drawn for new groups and new responses.
    source : str
        What they are draws of, in words.
    """

    gamma: Floats
    us: tuple[Floats, ...]
    root: Floats
    phi: Floats
    shape: tuple[int, int]
    seed: int
    source: str

    @property
    def M(self) -> int:
        """How many."""
        return len(self.gamma)

    def of_rows(
        self, rows: PredictionRows, law: ResponseLaw, kind: str
    ) -> Iterator[tuple[slice, Floats]]:
        """Draws (M, m) of a piece of the rows after another; (M, m, K) of several numbers a row.

        Parameters
        ----------
        rows : PredictionRows
        law : ResponseLaw
            Of these rows.
        kind : str
            ``"linear"`` predictors, ``"mean"`` of the response, probabilities of categories, or a
            new ``"response"``.
        """
        width = max(len(law.categories), rows.P, 1 + len(self.root[0]))
        for at, part in rows.parts(_NUMBERS_AT_ONCE // (self.M * width)):
            yield at, self._values(self.linear(part), law.part(at), kind, at.start)

    def log_densities(
        self, rows: PredictionRows, law: ResponseLaw, y: Floats
    ) -> Iterator[tuple[slice, Floats]]:
        """Log density (M, m) of responses given each draw, a piece of the rows after another.

        Parameters
        ----------
        rows : PredictionRows
        law : ResponseLaw
            Of these rows.
        y : (n P,) float
            Their responses, as the law has them.
        """
        width = max(rows.P, 1 + len(self.root[0]))
        for at, part in rows.parts(_NUMBERS_AT_ONCE // (self.M * width)):
            own, of_part = y[at.start * rows.P : at.stop * rows.P], law.part(at)
            draws = zip(self.linear(part), self.phi, strict=True)
            yield at, np.stack([of_part.log_density(own, eta, phi) for eta, phi in draws])

    def linear(self, rows: PredictionRows) -> Floats:
        """Linear predictors (M, m P)."""
        eta: Floats = self.gamma @ rows.X.T + rows.offset
        for k in rows.counted:
            places, inverse = np.unique(rows.codes_of[k], return_inverse=True)
            u = np.stack([self._effects(rows, k, int(j)) for j in places], axis=1)
            for c, column in enumerate(rows.Z[:, rows.spans[k]].T):
                eta += column * u[:, inverse, c]
        return eta

    def _effects(self, rows: PredictionRows, k: int, j: int) -> Floats:
        """Draws of u_j (M, q) of factor k; those of an unseen group are its own, from G."""
        J = self.us[k].shape[1]
        if j < J:
            return self.us[k][:, j]
        if not rows.sampled:
            return np.zeros_like(self.us[k][:, 0])
        root = self.root[:, rows.spans[k]]
        rng = np.random.default_rng([self.seed, _UNSEEN, k, j - J])
        normals = rng.standard_normal((self.M, root.shape[2]))
        return np.asarray(np.einsum("mqr,mr->mq", root, normals))

    def _values(self, eta: Floats, law: ResponseLaw, kind: str, start: int) -> Floats:
        if kind == "linear":
            return eta
        rng = np.random.default_rng([self.seed, _RESPONSES, start])
        found = [law.of_kind(kind, one, phi, rng) for one, phi in zip(eta, self.phi, strict=True)]
        return np.stack(found)
