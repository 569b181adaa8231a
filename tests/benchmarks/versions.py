"""What the numbers were measured with: package versions and the number of processors."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import shutil
from importlib.util import find_spec
from typing import Any

from tests.benchmarks.processes import run

PYTHON_PACKAGES = (
    "hierbayes",
    "numpy",
    "scipy",
    "pandas",
    "numba",
    "pytensor",
    "pymc",
    "nutpie",
    "arviz-stats",
    "glmm",
    "mixedlm",
    "statsmodels",
    "bambi",
)
R_PACKAGES = ("lme4", "nlme", "lmerTest", "pbkrtest")


def python_version_of(package: str) -> str | None:
    """Installed version of a Python distribution, None when there is none.

    Parameters
    ----------
    package : str
        Name on PyPI.

    Returns
    -------
    str or None
        The version.
    """
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        # A checkout on the path has no distribution metadata.
        return "checkout" if package == "hierbayes" and find_spec(package) else None


def r_versions() -> dict[str, str]:
    """Versions of R and of the R rivals; empty without R.

    Returns
    -------
    dict of str to str
        By name; a package that R does not have is left out.
    """
    rscript = shutil.which("Rscript")
    if rscript is None:
        return {}
    names = ", ".join(f'"{name}"' for name in R_PACKAGES)
    code = (
        'cat("R", as.character(getRversion()), "\\n");'
        f"for (p in c({names})) if (requireNamespace(p, quietly = TRUE))"
        ' cat(p, as.character(packageVersion(p)), "\\n")'
    )
    return dict(line.split() for line in run([rscript, "-e", code]).splitlines())


def header(quick: bool) -> dict[str, Any]:
    """Everything printed above the tables of a run.

    Parameters
    ----------
    quick : bool
        Whether this is a smoke run, whose numbers are not to be quoted.

    Returns
    -------
    dict
        Date, kind of run, Python, system, processors, load, versions.
    """
    versions = {name: python_version_of(name) or "not installed" for name in PYTHON_PACKAGES}
    in_r = r_versions()
    versions |= {name: in_r.get(name, "not installed") for name in ("R", *R_PACKAGES)}
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "kind of run": "quick (a smoke run: do not quote)" if quick else "full",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "load average at the start": None if busy is None else round(busy, 2),
        "versions": versions,
    }
