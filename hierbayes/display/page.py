"""Results as text, HTML, LaTeX and Markdown: a title, lines about it, and blocks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

from hierbayes.display.blocks import Block
from hierbayes.display.html_writer import page_html
from hierbayes.display.latex_writer import page_latex
from hierbayes.display.markdown_writer import page_markdown
from hierbayes.display.text_writer import page_text

_SCREEN = 24  # lines of a terminal


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What is shown of a result.

    Parameters
    ----------
    title : str
        Empty where the blocks speak for themselves; then nothing is said about them either.
    about : tuple of str
        Lines on the model, the data and what is conditional.
    blocks : tuple of Block
        Tables, lists, lines and entries, in the order they are shown in.
    """

    title: str
    about: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()

    def text(self) -> str:
        """The page as text."""
        return page_text(self.title, self.about, self.blocks)

    def html(self) -> str:
        """The page as HTML."""
        return page_html(self.title, self.about, self.blocks)

    def latex(self) -> str:
        """The page as LaTeX."""
        return page_latex(self.title, self.about, self.blocks)

    def markdown(self) -> str:
        """The page as Markdown."""
        return page_markdown(self.title, self.about, self.blocks)

    def brief(self) -> str:
        """The page as text where a screen holds it; or else its first block, and how much is left.

        A first block of more than a screen is cut.
        """
        whole = self.text()
        if whole.count("\n") < _SCREEN:
            return whole
        first = replace(self, blocks=self.blocks[:1]).text().splitlines()
        rest = len(whole.splitlines()) - len(first[:_SCREEN])
        return "\n".join([*first[:_SCREEN], "", f"... and {rest} lines more: print() shows all"])


class Printed(ABC):
    """A result that prints as its page."""

    __slots__ = ()

    @abstractmethod
    def page(self) -> Page:
        """What is shown of it."""

    def to_latex(self) -> str:
        """Everything that is printed, as LaTeX that needs no package."""
        return self.page().latex()

    def to_markdown(self) -> str:
        """Everything that is printed, as Markdown with tables."""
        return self.page().markdown()

    def __str__(self) -> str:
        return self.page().text()

    def __repr__(self) -> str:
        return self.page().brief()

    def _repr_html_(self) -> str:
        return self.page().html()
