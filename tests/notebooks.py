"""Run the notebooks and compare what they print; as a command, run them and store the outputs.

``python -m tests.notebooks [name ...]`` runs notebooks and writes them back with fresh outputs,
pictures reduced to a palette.
"""

from __future__ import annotations

import asyncio
import re
import sys
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path
from typing import Self

import nbformat
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

FOLDER = Path(__file__).parents[1] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
SAMPLED = "sampled"  # tag of a cell that prints draws: words are compared, numbers are not
NUMBER = re.compile(r"(?<![\w.])[-+−]?\d+(?:\.\d+)?(?:e[-+]\d+)?(?![\w])")
_COLOURS = 64


EMPTY = "%reset -f"
# Pictures are laid out, with all that is in them, and not painted, which takes as long again.
SKETCHED = """
from hierbayes.plots.picture import Picture
def sketch(picture, blank={blank!r}):
    picture.draw_without_rendering()
    return blank
Picture._repr_png_ = sketch
%reset -f
"""


class Kernel:
    """A kernel that runs notebooks one after the other, each with no names of the one before.

    What a picture shows is painted, or, where ``sketched``, a blank in its place.
    """

    def __init__(self, *, sketched: bool = False) -> None:
        self._before = SKETCHED.format(blank=_blank()) if sketched else EMPTY
        self._loop = asyncio.new_event_loop()
        self._manager = AsyncKernelManager(kernel_name="python3")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._manager.has_kernel:
            self._loop.run_until_complete(self._manager.shutdown_kernel(now=True))
        self._loop.close()

    def run(self, path: Path) -> NotebookNode:
        """A notebook with the outputs of a fresh run; an error in a cell is raised."""
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        notebook.cells.insert(0, nbformat.v4.new_code_cell(self._before))
        client = NotebookClient(
            notebook,
            km=self._manager,
            timeout=600,
            resources={"metadata": {"path": str(FOLDER)}},
            coalesce_streams=True,  # what is printed arrives in pieces that vary from run to run
        )
        try:
            self._loop.run_until_complete(client.async_execute())
        finally:
            if client.kc is not None:
                client.kc.stop_channels()
        del notebook.cells[0]
        return notebook


def texts(cell: NotebookNode) -> list[str]:
    """What a code cell prints, output by output; a picture counts by its kind."""
    found = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if output.output_type == "stream":
            found.append(f"{output.name}: {output.text}")
        elif "image/png" in data:
            found.append("picture")
        else:
            found.append(data.get("text/plain", data.get("text/latex", "")))
    return found


def words(text: str) -> list[str]:
    """A text without its numbers, and without the blanks that depend on their widths."""
    return NUMBER.sub("#", text).split()


def numbers(text: str) -> list[str]:
    """The numbers in a text, as they are printed."""
    return NUMBER.findall(text)


def agree(first: str, second: str) -> bool:
    """Whether two printed numbers are equal but for one unit of the last digit, or for rounding."""
    if first == second:
        return True
    a, b = float(first.replace("−", "-")), float(second.replace("−", "-"))
    digits = min(_decimals(first), _decimals(second))
    return abs(a - b) <= max(1.01 * 10.0**-digits, 1e-9 * abs(a))


def _decimals(text: str) -> int:
    mantissa, _, exponent = text.partition("e")
    return len(mantissa.partition(".")[2]) - int(exponent or 0)


def lean(notebook: NotebookNode) -> NotebookNode:
    """Without counters and metadata of a run, and with pictures of few colours."""
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = NotebookNode({"tags": tags} if tags else {})
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        for output in cell.outputs:
            output.pop("execution_count", None)
            if output.output_type == "execute_result":
                output.output_type = "display_data"
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = _reduced(output.data["image/png"])
                output.data.pop("text/plain", None)
            if "metadata" in output:
                output.metadata = NotebookNode()
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = NotebookNode(kernelspec=kernel, language_info={"name": "python"})
    return notebook


def _blank() -> bytes:
    buffer = BytesIO()
    Image.new("1", (1, 1)).save(buffer, format="png")
    return buffer.getvalue()


def _reduced(png: str) -> str:
    picture = Image.open(BytesIO(b64decode(png))).convert("RGB")
    buffer = BytesIO()
    picture.quantize(_COLOURS).save(buffer, format="png", optimize=True)
    return b64encode(buffer.getvalue()).decode("ascii")


def main(names: list[str]) -> None:
    """Run the notebooks named (all of them by default) and store their outputs."""
    for path in PATHS:
        if not names or path.stem in names:
            with Kernel() as kernel:
                nbformat.write(lean(kernel.run(path)), path)


if __name__ == "__main__":
    main(sys.argv[1:])
