"""The alternative priors of the study benchmark: 100, as an analyst would state them.

They go from priors that nobody would notice to priors that contradict the data, so that some can
be answered from the draws at hand and some cannot.

========= ======= =============================================================================
``sd``         32  half-normal, half-t(3), half-Cauchy, exponential × 8 scales, on both sds
``corr``       10  LKJ(η), from uniform to all but no correlation
``gamma``      10  normal around 0 × 10 widths, on the slope and the interaction; the intercept
                   and the sector keep their defaults
``sigma``       6  half-normal, half-Cauchy, exponential × 2 scales
``several``    42  half-t(3) × 7 scales on both sds, with LKJ(η) × 6 η
========= ======= =============================================================================

The scale of an exponential prior is its mean.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

SIZE = 100
SMOKE = 10  # every tenth of them
SCALES = (0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
ETAS = (1.0, 1.5, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 25.0, 50.0)
WIDTHS = (0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 50.0)
SIGMA_FAMILIES = ("half-normal", "half-Cauchy", "exponential")
SIGMA_SCALES = (1.0, 10.0)
PAIRED_SCALES = (0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
PAIRED_ETAS = (1.0, 3.0, 5.0, 10.0, 20.0, 50.0)
SLOPES = ("ses", "ses:Sector[T.Public]")


def grid(quick: bool) -> dict[str, dict[str, Any]]:
    """The alternatives as `SensitivityStudy` takes them.

    Parameters
    ----------
    quick : bool
        Every tenth only.

    Returns
    -------
    dict
        From block to name to prior.
    """
    chosen: dict[str, dict[str, Any]] = {}
    for block, name, prior in _all()[:: SIZE // SMOKE if quick else 1]:
        chosen.setdefault(block, {})[name] = prior
    return chosen


def half(family: str, scale: float) -> Any:
    """A prior of a standard deviation.

    Parameters
    ----------
    family : str
        ``half-normal``, ``half-t``, ``half-Cauchy`` or ``exponential``.
    scale : float
        Of the family; the mean of an exponential.

    Returns
    -------
    Prior
        The prior.
    """
    hb = import_module("hierbayes")
    match family:
        case "half-normal":
            return hb.HalfNormal(scale)
        case "half-t":
            return hb.HalfT(3, 0, scale)
        case "half-Cauchy":
            return hb.HalfCauchy(scale)
        case _:
            return hb.Exponential(1.0 / scale)


def _all() -> list[tuple[str, str, Any]]:
    """Block, name and prior of each."""
    hb = import_module("hierbayes")
    families = ("half-normal", "half-t", "half-Cauchy", "exponential")
    found: list[tuple[str, str, Any]] = [
        ("sd", f"sd {family} {scale:g}", half(family, scale))
        for family in families
        for scale in SCALES
    ]
    found += [("corr", f"corr LKJ({eta:g})", hb.LKJ(eta)) for eta in ETAS]
    found += [
        ("gamma", f"slopes normal {width:g}", dict.fromkeys(SLOPES, hb.Normal(0, width)))
        for width in WIDTHS
    ]
    found += [
        ("sigma", f"sigma {family} {scale:g}", half(family, scale))
        for family in SIGMA_FAMILIES
        for scale in SIGMA_SCALES
    ]
    found += [
        (
            "several",
            f"sd half-t {scale:g}, LKJ({eta:g})",
            {"sd": half("half-t", scale), "corr": hb.LKJ(eta)},
        )
        for scale in PAIRED_SCALES
        for eta in PAIRED_ETAS
    ]
    if len(found) != SIZE:
        raise ValueError(f"the grid has {len(found)} alternatives, not {SIZE}")
    return found
