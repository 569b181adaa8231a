r"""Pages as LaTeX that needs no package: sections, tabular, itemize and description.

Greek letters and signs become mathematics, so that every engine has them; other letters stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hierbayes.display.blocks import Block, Definitions, Items, Lines, Table, is_empty

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "%": r"\%", "#": r"\#",
    "&": r"\&", "$": r"\$", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''",
    "[": "{[}", "]": "{]}",  # not taken for an option after \\ or \item
}  # fmt: skip
_SIGNS = {
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon",
    "η": r"\eta", "θ": r"\theta", "λ": r"\lambda", "μ": r"\mu", "ρ": r"\rho", "σ": r"\sigma",
    "τ": r"\tau", "φ": r"\phi", "χ": r"\chi", "ψ": r"\psi", "ω": r"\omega", "Δ": r"\Delta",
    "Λ": r"\Lambda", "Σ": r"\Sigma", "Ψ": r"\Psi", "Ω": r"\Omega", "−": "-", "×": r"\times",
    "±": r"\pm", "·": r"\cdot", "≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "≈": r"\approx",
    "→": r"\to", "∞": r"\infty", "½": r"\frac{1}{2}", "²": "^2", "³": "^3", "⁻": "^{-}",
    "¹": "^1", "′": "'", "∝": r"\propto",
}  # fmt: skip
_HATTED = re.compile("(.)\N{COMBINING CIRCUMFLEX ACCENT}")
_SPACE = re.compile(r"[\x00-\x20\x85\u2028\u2029]")


def page_latex(title: str, about: Sequence[str], blocks: Sequence[Block]) -> str:
    """Title and lines about it, then the blocks."""
    parts = [rf"\subsection*{{{latex_text(title)}}}"] if title else []
    if about:
        parts.append(_lines(about))
    parts += [_block(one) for one in blocks if not is_empty(one)]
    return "\n\n".join(parts) + "\n"


def latex_text(text: str) -> str:
    """A text with TeX's own characters escaped."""
    pieces = _HATTED.split(_SPACE.sub(" ", text))  # text, hatted, text, ..., text
    return "".join(_hat(piece) if k % 2 else _escaped(piece) for k, piece in enumerate(pieces))


def _hat(sign: str) -> str:
    return rf"$\hat{{{_SIGNS.get(sign) or _SPECIAL.get(sign, sign)}}}$"


def _escaped(text: str) -> str:
    return "".join(
        f"${_SIGNS[sign]}$" if sign in _SIGNS else _SPECIAL.get(sign, sign) for sign in text
    )


def _block(block: Block) -> str:
    match block:
        case Table():
            body = _table(block)
        case Items(sentences):
            body = _environment("itemize", [rf"\item {latex_text(one)}" for one in sentences])
        case Lines(sentences):
            body = _lines(sentences)
        case Definitions(entries):
            items = [
                rf"\item[{latex_text(one.label)}] {_broken((one.head, *one.body))}"
                for one in entries
            ]
            body = _environment("description", items)
    return rf"\paragraph*{{{latex_text(block.title)}}}" + "\n" + body if block.title else body


def _table(table: Table) -> str:
    grid = table.grid()
    columns = "".join("r" if numeric else "l" for numeric in grid.numeric)
    lines = [r"\hline", *map(_row, grid.heads), r"\hline", *map(_row, grid.rows), r"\hline"]
    return _environment("tabular", lines, f"{{{columns}}}")


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(latex_text, cells)) + r" \\"


def _lines(lines: Sequence[str]) -> str:
    return rf"\noindent {_broken(lines)}"


def _broken(lines: Sequence[str]) -> str:
    return " \\\\\n".join(map(latex_text, lines))


def _environment(name: str, lines: Sequence[str], argument: str = "") -> str:
    return "\n".join([rf"\begin{{{name}}}{argument}", *lines, rf"\end{{{name}}}"])
