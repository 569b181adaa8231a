"""NUTS on a density that Python evaluates: θ and the parameters of a residual structure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hierbayes.estimation.nutpie_chains import sample_chains
from hierbayes.estimation.residual_target import StructuredDraws, StructuredTarget
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.estimation.theta_draws import ThetaDraws
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.theta import Theta
from hierbayes.nutpie_import import from_pyfunc


def sample_by_nuts(
    made: StructuredTarget,
    start: tuple[Floats, Floats],
    settings: SamplerSettings,
    compile_seconds: float,
) -> StructuredDraws:
    """Draws by nutpie.

    Parameters
    ----------
    made : StructuredTarget
    start : (mode, root)
        Of the normal distribution that the density is like at its mode: coordinates of the
        sampler are those in which it is independent and standard.
    settings : SamplerSettings
    compile_seconds : float
        How long it took to make the target.
    """
    mode, L = start
    size = made.target.n_out + len(mode) - made.of_theta

    def density(v: Any, **_: Any) -> tuple[float, Floats]:
        value, gradient = made.with_gradient(mode + L @ v)
        return value, L.T @ gradient

    def expand(v: Any, **_: Any) -> dict[str, Floats]:
        w = mode + L @ v
        return {"theta": np.concatenate([made.value(w)[1], made.coordinates(w)])}

    def make_density() -> Callable[..., tuple[float, Floats]]:
        return density

    def make_expand(*_: Any) -> Callable[..., dict[str, Floats]]:
        return expand

    def initial_point(seed: int) -> Floats:
        return np.random.default_rng(seed).uniform(-1.0, 1.0, len(mode))

    model = from_pyfunc(
        len(mode),
        make_density,
        make_expand,
        [np.dtype(np.float64)],
        [(size,)],
        ["theta"],
        make_initial_point_fn=initial_point,
    )
    posterior, stats, seconds = sample_chains(model, settings)
    found = posterior["theta"].to_numpy()
    expanded, z = found[..., : made.target.n_out], found[..., made.target.n_out :]
    root, sigma, gamma = made.target.parameters(expanded)
    drawn = ThetaDraws(Theta.of(root, sigma), gamma, stats, seconds, compile_seconds)
    return StructuredDraws(drawn, z)
