"""Formulas of the site as MathML, which browsers set without a script and without a network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from math_core import LatexToMathML

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

# Browsers without a font for mathematics do not stretch brackets: borders of the table do instead.
_BRACKETED = re.compile(r"<mo>[\[(]</mo><mtable([^>]*)>(.*?)</mtable><mo>[\])]</mo>", re.DOTALL)
_BORDERS = "border: 0 solid; border-width: 0 0.08em; border-radius: 0.5em; margin: 0.15em"


def mathml(latex: str, *, block: bool) -> str:
    """A formula as MathML.

    Examples
    --------
    >>> mathml("x_j", block=False)
    '<math><msub><mi>x</mi><mi>j</mi></msub></math>'
    """
    made = LatexToMathML().convert_with_local_state(latex, displaystyle=block)
    return _BRACKETED.sub(rf'<mtable\1 style="{_BORDERS}">\2</mtable>', made)


def _inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(mathml(node.astext(), block=False))
    raise nodes.SkipNode


def _block(self: HTML5Translator, node: nodes.math_block) -> None:
    formula = mathml(node.astext(), block=True)
    self.body.append(f'<div class="math-block" tabindex="0">{formula}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True}
