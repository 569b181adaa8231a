"""Results that can be written as one page for a browser."""

from __future__ import annotations

from importlib import import_module
from os import PathLike
from pathlib import Path

from hierbayes.display.page import Printed

_WRITER = "hierbayes.report.page.writing"  # a later layer, loaded by its name when a page is asked


class Reported(Printed):
    """A result that has a report."""

    __slots__ = ()

    def report(self, path: str | PathLike[str]) -> Path:
        """Write a page for any browser: one file, which asks nothing of the network.

        The verdict on the result stands first; tables sort, and pictures have captions in words.
        What this result cannot give is left out with a sentence that says why.

        Parameters
        ----------
        path : str or path
            Of the file, as in ``"report.html"``; one that is there is replaced.

        Returns
        -------
        Path

        Raises
        ------
        ResultFolderError
            When the file cannot be written.
        """
        written: Path = import_module(_WRITER).write_report(self, path)
        return written
