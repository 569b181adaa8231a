"""What simulated data sets cost in other packages: a few are measured, and multiplied."""

from __future__ import annotations

import csv
import shutil
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks import processes
from tests.benchmarks.posterior_worker import bambi_model
from tests.benchmarks.timing import processor_seconds

R_SCRIPT = Path(__file__).with_name("power.R")
SIMUK = "simuk, bambi's model without the correlation, nutpie, 1 chain × 1000"
LME4 = "lme4 and lmerTest: simulate, refit, Satterthwaite (the loop of simr)"


def sbc_by_simuk(path: Path, sets: int) -> dict[str, Any]:
    """Processor seconds of simuk's simulation-based calibration with some data sets.

    Parameters
    ----------
    path : Path
        Of the data.
    sets : int

    Returns
    -------
    dict
        ``contestant``, ``measured`` data sets, ``cpu`` seconds of all; or a ``remark``.
    """
    missing = [name for name in ("simuk", "bambi", "nutpie") if find_spec(name) is None]
    if missing:
        return {"contestant": SIMUK, "remark": f"{', '.join(missing)} not installed"}
    model = bambi_model(pd.read_csv(path), None)
    model.build()
    options = {"draws": 1000, "tune": 500, "chains": 1, "cores": 1, "nuts_sampler": "nutpie"}
    study = import_module("simuk").SBC(
        model, num_simulations=sets, seed=1, sample_kwargs=options | {"progressbar": False}
    )
    cpu, _ = processor_seconds(study.run_simulations)
    return {"contestant": SIMUK, "measured": sets, "cpu": cpu}


def power_by_lme4(path: Path, sets: int) -> dict[str, Any]:
    """Processor seconds of the loop of a power study in R with some data sets.

    Parameters
    ----------
    path : Path
        Of the data.
    sets : int

    Returns
    -------
    dict
        ``contestant``, ``measured`` data sets, ``cpu`` seconds of all and ``answer``, the power; or
        a ``remark``.
    """
    rscript = shutil.which("Rscript")
    if rscript is None:
        return {"contestant": LME4, "remark": "R is not installed"}
    try:
        output = processes.run([rscript, str(R_SCRIPT), str(path), str(sets)])
    except processes.FailedProcessError as failure:
        return {"contestant": LME4, "remark": f"failed: {failure}"}
    (found,) = csv.DictReader(output.splitlines())
    if found["remark"]:
        return {"contestant": LME4, "remark": found["remark"]}
    return {
        "contestant": LME4, "measured": sets, "cpu": float(found["seconds"]),
        "answer": found["power"],
    }  # fmt: skip
