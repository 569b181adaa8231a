"""The panel of a page on which shrinkage answers to G, σ and the number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from hierbayes.report.page.document import paragraph, scrolling


def panel_html(data: dict[str, Any], prediction: str, what: str) -> str:
    """Two pictures, what is known of the chosen group, and sliders; scripts fill them.

    Parameters
    ----------
    data : dict
        See `shrinkage_data`.
    prediction, what : str
        What a group's coefficient and the numbers of the fit are called.
    """
    factors = data["factors"]
    said = paragraph(
        _what_is_seen(factors),
        f"Point at a group, choose it below, or step with the arrow keys. The sliders start at the "
        f"{what}; all dots answer, and the fixed effects stay where they are.",
        *_of_factors(factors),
        *_of_posterior(prediction),
        *_left_out(factors),
    )
    legend = (
        '<p data-part="legend">Lines of the chosen one: dashed blue is its own least squares, '
        "solid red is the shrunk one, green is the population.</p>"
    )
    title = (
        '<h3 aria-live="polite"><span data-part="label"></span>, <span data-part="n"></span> rows'
        "</h3>"
    )
    return (
        f'{said}<div id="beta-space"><div class="controls" data-part="controls"></div>'
        '<button type="button" class="reset" data-part="reset">as estimated</button>'
        f'<div class="space">{_picture("plane", "Coefficients of groups")}'
        f"{_picture('data', 'The chosen group: its rows and lines')}</div>{legend}{title}"
        f"{scrolling('<div data-part="readout"></div>', 'the chosen group')}"
        "<noscript>This picture needs scripts; the table of groups has the same numbers.</noscript>"
        "</div>"
    )


def _what_is_seen(factors: Sequence[dict[str, Any]]) -> str:
    law = "one standard deviation of G"
    planes = [len(one["effects"]) > 1 for one in factors]
    seen = (
        "Each circle is what least squares make of one group by its own rows (BLUE), and each dot "
    )
    seen += "the same shrunk towards the population"
    if all(planes):
        return f"{seen}; the ellipse is {law}."
    if any(planes):
        return f"{seen}; the ellipse, of one effect the dotted lines, is {law}."
    return f"{seen}, by the number of rows; the dotted lines are {law} from the population's."


def _of_factors(factors: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    if len(factors) == 1:
        return ()
    return (
        "The effects of the other grouping factors stay where they are, too: BLUE and shrinkage "
        "are those given them, and at the estimates the dots are the predictions of the fit.",
    )


def _of_posterior(prediction: str) -> tuple[str, ...]:
    if prediction == "BLUP":
        return ()
    return (
        "Here θ is one value, the posterior mean of G and σ; a posterior mean of a group averages "
        "over all of θ, and stands in the table of groups.",
    )


def _left_out(factors: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(
        f"Of {one['name']} {len(one['groups'])} groups are shown, spread over their numbers of "
        f"rows, and {one['left_out']} are not."
        for one in factors
        if one["left_out"]
    )


def _picture(part: str, label: str) -> str:
    return (
        f'<svg viewBox="0 0 480 400" role="group" data-part="{part}" '
        f'aria-label="{escape(label)}"></svg>'
    )
