"""Coordinates in which a posterior with sampled random effects is nearly standard normal.

The map of `panel_map` does it for the random effects, whatever θ and γ are.  Where its latent
coordinates z are 0, the density of θ and γ is nearly that with the random effects integrated out,
so its mode and its curvature there do it for θ and γ.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.estimation.density import density_at
from hierbayes.estimation.density_data import along
from hierbayes.estimation.normal_at_mode import normal_at_mode
from hierbayes.estimation.target import Target
from hierbayes.frames.arrays import Floats


def whitened(target: Target, start: tuple[Floats, Floats]) -> Target:
    """The same target in such coordinates; 0 is the mode.

    Parameters
    ----------
    target : Target
        Of built-in priors.
    start : (centre, width)
        Of all coordinates but the latent ones: where the search for the mode starts, and their
        scale.
    """
    centre, width = start

    def log_density(w: Floats) -> tuple[float, Floats]:
        x = np.concatenate([centre + width * w, np.zeros(target.latent)])
        value, gradient, _ = density_at(x, target.data)
        return value, width * gradient[: len(w)]

    mode, root = normal_at_mode(log_density, np.zeros(len(centre)))
    scaled = width[:, None] * root
    P = np.linalg.cholesky(scaled @ scaled.T)
    return replace(target, data=along(target.data, centre + width * mode, P))
