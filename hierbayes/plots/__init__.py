"""Pictures of fits and studies: what the argument looks like.

Every picture has a module of its own with two functions.  ``<name>_frame(...)`` returns what is
drawn as a table (or as a frozen value of tables), and ``plot_<name>(..., ax=None, figsize=None)``
draws it and returns the figure.  Drawing functions compute nothing that the frame does not hold.

``ax`` takes Matplotlib's axes to draw on, one or as many as the picture has panels; by default
there is a new figure, which is not registered with pyplot and needs no closing.  Shapes and lines
carry the meaning as well as colours do, so that pictures can be printed in grey.  Matplotlib is
imported when the first picture is drawn, and its settings are left as they are.
"""

from __future__ import annotations

from hierbayes.plots.bootstrap import bootstrap_frame, plot_bootstrap
from hierbayes.plots.comparison import comparison_frame, plot_comparison
from hierbayes.plots.ellipse import (
    Ellipse,
    confidence_radius,
    ellipse_frame,
    shadow_frame,
    shadow_radius,
)
from hierbayes.plots.icc import icc_frame, plot_icc
from hierbayes.plots.implied_lines import implied_lines_frame, plot_implied_lines
from hierbayes.plots.implied_variance import (
    implied_ellipses_frame,
    implied_icc_frame,
    plot_implied_ellipses,
    plot_implied_icc,
)
from hierbayes.plots.power_scaling import plot_power_scaling, power_scaling_frame
from hierbayes.plots.prior_ellipses import plot_prior_ellipses, prior_ellipses_frame
from hierbayes.plots.prior_posterior import plot_prior_posterior, prior_posterior_frame
from hierbayes.plots.profile_zeta import plot_profile_zeta, profile_zeta_frame
from hierbayes.plots.ridge import plot_ridge, ridge_frame
from hierbayes.plots.shrinkage_factors import plot_shrinkage_factors, shrinkage_factors_frame
from hierbayes.plots.tipping import plot_tipping, tipping_frame
from hierbayes.plots.tornado import plot_tornado, tornado_frame

__all__ = [
    "Ellipse",
    "bootstrap_frame",
    "comparison_frame",
    "confidence_radius",
    "ellipse_frame",
    "icc_frame",
    "implied_ellipses_frame",
    "implied_icc_frame",
    "implied_lines_frame",
    "plot_bootstrap",
    "plot_comparison",
    "plot_icc",
    "plot_implied_ellipses",
    "plot_implied_icc",
    "plot_implied_lines",
    "plot_power_scaling",
    "plot_prior_ellipses",
    "plot_prior_posterior",
    "plot_profile_zeta",
    "plot_ridge",
    "plot_shrinkage_factors",
    "plot_tipping",
    "plot_tornado",
    "power_scaling_frame",
    "prior_ellipses_frame",
    "prior_posterior_frame",
    "profile_zeta_frame",
    "ridge_frame",
    "shadow_frame",
    "shadow_radius",
    "shrinkage_factors_frame",
    "tipping_frame",
    "tornado_frame",
]
