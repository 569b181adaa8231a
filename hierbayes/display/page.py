"""Results as text, HTML, LaTeX and Markdown: a title, lines about it, and blocks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

from hierbayes.display.blocks import Block
from hierbayes.display.html_writer import page_html
from hierbayes.display.latex_writer import page_latex
from hierbayes.display.markdown_writer import page_markdown
from hierbayes.display.text_writer import page_text
from hierbayes.display.word_writer import page_word

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

    def word(self) -> str:
        """The page as HTML that a word processor keeps: every cell has its own style."""
        return page_word(self.title, self.about, self.blocks)

    def latex(self) -> str:
        """The page as LaTeX."""
        return page_latex(self.title, self.about, self.blocks)

    def markdown(self) -> str:
        """The page as Markdown."""
        return page_markdown(self.title, self.about, self.blocks)

    def brief(self) -> str:
        """As much of the page, block by block, as a screen holds, and how much is left.

        A first block of more than a screen is cut.
        """
        whole = self.text().splitlines()
        if len(whole) <= _SCREEN:
            return "\n".join(whole)
        shown: list[str] = []
        for count in range(1, len(self.blocks)):
            lines = replace(self, blocks=self.blocks[:count]).text().splitlines()
            if shown and len(lines) > _SCREEN:
                break
            shown = lines[:_SCREEN]
        shown = shown or whole[:_SCREEN]
        rest = len(whole) - len(shown)
        return "\n".join([*shown, "", f"... and {rest} lines more: print() shows all"])


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
