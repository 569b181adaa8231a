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

from hierbayes.plots.ellipse import (
    Ellipse,
    confidence_radius,
    ellipse_frame,
    shadow_frame,
    shadow_radius,
)

__all__ = ["Ellipse", "confidence_radius", "ellipse_frame", "shadow_frame", "shadow_radius"]
