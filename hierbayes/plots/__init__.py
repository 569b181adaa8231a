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

from hierbayes.plots.beta_space import BetaSpace, beta_space_frame, plot_beta_space
from hierbayes.plots.ellipse import (
    Ellipse,
    confidence_radius,
    ellipse_frame,
    shadow_frame,
    shadow_radius,
)
from hierbayes.plots.estimators import (
    EstimatorsInBetaSpace,
    estimators_frame,
    plot_estimators,
)
from hierbayes.plots.shrinkage import plot_shrinkage, shrinkage_frame
from hierbayes.plots.simulated_school import (
    SimulatedSchool,
    plot_simulated_school,
    simulated_school_frame,
)
from hierbayes.plots.three_means import ThreeMeans, plot_three_means, three_means_frame

__all__ = [
    "BetaSpace", "Ellipse", "EstimatorsInBetaSpace", "SimulatedSchool", "ThreeMeans",
    "beta_space_frame", "confidence_radius", "ellipse_frame", "estimators_frame",
    "plot_beta_space", "plot_estimators", "plot_shrinkage", "plot_simulated_school",
    "plot_three_means", "shadow_frame", "shadow_radius", "shrinkage_frame",
    "simulated_school_frame", "three_means_frame",
]  # fmt: skip
