"""The panel of a page on which shrinkage answers to G, σ and the number of rows."""

from __future__ import annotations

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
    group, (first, second) = data["group"], data["effects"]
    said = paragraph(
        f"Each circle is the least-squares line of one {group} by its own rows (BLUE), each dot "
        "the same shrunk towards the population, and the ellipse is one standard deviation of G. "
        f"Point at a {group}, choose it below, or step with the arrow keys. The sliders start at "
        f"the {what}; all dots answer, and the fixed effects stay where they are.",
        *_of_posterior(prediction),
    )
    pictures = _picture(
        "plane", f"Coefficients {first} and {second}: every {group}, BLUE and BLUP"
    ) + (_picture("data", f"The chosen {group}: its rows and lines") if data["x"] else "")
    legend = (
        '<p id="beta-space-legend">Lines of the chosen one: dashed blue is its own least squares, '
        "solid red is the shrunk one, green is the population.</p>"
    )
    return (
        f'{said}<div id="beta-space">{_controls(data)}<div class="space">{pictures}</div>'
        f"{legend if data['x'] else ''}{_readout(data)}</div>"
    )


def _of_posterior(prediction: str) -> tuple[str, ...]:
    if prediction == "BLUP":
        return ()
    return (
        "Here θ is one value, the posterior mean of G and σ; a posterior mean of a group averages "
        "over all of θ, and stands in the table of groups.",
    )


def _picture(part: str, label: str) -> str:
    return (
        f'<svg viewBox="0 0 480 400" role="group" data-part="{part}" '
        f'aria-label="{escape(label)}"></svg>'
    )


def _controls(data: dict[str, Any]) -> str:
    first, second = data["effects"]
    sigma = data["sigma"]
    sliders = "".join(
        (
            _slider("sd-0", f"sd of {first}", 0.0, 3.0 * (data["sd"][0] or sigma)),
            _slider("sd-1", f"sd of {second}", 0.0, 3.0 * (data["sd"][1] or sigma)),
            _slider("corr", "their correlation", -1.0, 1.0),
            _slider("sigma", "σ", 0.05 * sigma, 3.0 * sigma),
            _slider("rows", f"rows of the chosen {data['group']}", 1, 100, "1"),
        )
    )
    choice = f'<label>{escape(data["group"])}<select data-part="choice"></select></label>'
    reset = '<button type="button" class="reset" data-part="reset">as estimated</button>'
    return f'<div class="controls">{choice}{sliders}</div>{reset}'


def _slider(part: str, label: str, low: float, high: float, step: str = "any") -> str:
    return (
        f'<label><span>{escape(label)}: <output data-part="{part}-value"></output></span>'
        f'<input type="range" data-part="{part}" min="{low!r}" max="{high!r}" step="{step}">'
        "</label>"
    )


def _readout(data: dict[str, Any]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(effect)}</th>'
        + "".join(f'<td data-part="{name}-{k}"></td>' for name in ("blue", "blup", "population"))
        + "".join(f'<td data-part="matrix-{k}{m}"></td>' for m in (0, 1))
        + "</tr>"
        for k, effect in enumerate(data["effects"])
    )
    heads = ("", "BLUE", "BLUP", "population", *(f"shrinkage[{e}]" for e in data["effects"]))
    columns = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    table = f"<table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table>"
    title = (
        '<h3 aria-live="polite"><span data-part="label"></span>, <span data-part="n"></span> rows'
        "</h3>"
    )
    return title + scrolling(table, "the chosen group")
