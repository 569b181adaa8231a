"""The package of another revision, to be measured beside this one in the same run."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.processes import ROOT

PARTS = ("hierbayes", "data", "models")  # all that the package reads


@contextmanager
def package_of(before: str) -> Iterator[Path]:
    """A folder from which the other package is imported.

    Parameters
    ----------
    before : str
        The path of a checkout, or a git revision of this one.

    Raises
    ------
    SystemExit
        When it is neither.
    """
    with tempfile.TemporaryDirectory() as folder:
        other = Path(before).resolve()
        if (other / "hierbayes").is_dir():
            for part in PARTS:
                (Path(folder) / part).symlink_to(other / part)
        else:
            packed = subprocess.run(
                ["git", "archive", before, *PARTS], cwd=ROOT, capture_output=True, check=False
            )
            if packed.returncode:
                raise SystemExit(f"'{before}' is neither a checkout nor a revision of this one")
            with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
                archive.extractall(folder, filter="data")
        yield Path(folder)
