"""A sensitivity study as text, as a page, and as a DataTree."""

from __future__ import annotations

import hashlib
import json
from html import escape
from importlib.metadata import version
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from hierbayes.fit.table_text import table_cells, table_text

if TYPE_CHECKING:
    from hierbayes.studies.sensitivity.study import SensitivityStudy

_SHOWN = ["mean", "sd", "REML", "smallest", "largest", "movement", "mcse", "moved_by"]
_FLIPS = ["sign_flips", "decision_flips"]


def study_title(study: SensitivityStudy) -> str:
    """What was studied, and how it was answered."""
    how = study.alternatives["how"].value_counts()
    said = ", ".join(f"{count} {name}" for name, count in how.items())
    asked = f"{len(study.questions.names)} quantities"
    return f"Prior sensitivity of {asked} to {len(study.answers)} alternatives ({said})"


def study_text(study: SensitivityStudy) -> str:
    """The study as text: verdicts, the table, and what was not answered by re-weighting."""
    parts = [
        "\n".join([study_title(study), *(f"  {line}" for line in _about(study))]),
        "What the priors do:\n" + _items([f"{n}: {text}" for n, text in study.verdicts.items()]),
        f"Posterior means, and how far they move in posterior sds:\n\n{table_text(_table(study))}",
    ]
    beyond = _beyond(study)
    if beyond:
        parts.append("Beyond re-weighting:\n" + _items(beyond))
    return "\n\n".join(parts)


def study_html(study: SensitivityStudy) -> str:
    """The study as a page."""
    said = "".join(
        f"<li><b>{escape(name)}</b>: {escape(text)}</li>" for name, text in study.verdicts.items()
    )
    alternatives = study.alternatives.round(2)
    return (
        f"<h3>{escape(study_title(study))}</h3>"
        f"<p>{'<br>'.join(escape(line) for line in _about(study))}</p><ul>{said}</ul>"
        f"<h4>Posterior means, and how far they move in posterior sds</h4>"
        f"{table_cells(_table(study)).to_html()}"
        f"<h4>Alternatives</h4>{alternatives.to_html()}"
    )


def study_tree(study: SensitivityStudy) -> xr.DataTree:
    """Groups ``baseline``, ``alternatives``, ``power_scaling`` and ``reml``, and provenance."""
    power = study.power_scaling.drop(columns="diagnosis").rename_axis(columns="component")
    tree = xr.DataTree.from_dict(
        {
            "baseline": study.before,
            "alternatives": study.cells,
            "power_scaling": xr.Dataset({"sensitivity": power.stack().to_xarray()}),
            "reml": study.reml.to_xarray(),
        }
    )
    cross = study.baseline.fit.problem.cross
    digest = hashlib.sha256()
    for array in (cross.A, cross.B, cross.C):
        digest.update(np.ascontiguousarray(array).tobytes())
    priors = study.baseline.priors.frame().reset_index()
    tree.attrs.update(
        {
            "model": str(study.baseline.fit.design.specification),
            "seed": study.baseline.settings.seed,
            "priors": json.dumps(priors.to_dict(orient="records")),
            "cross_products_sha256": digest.hexdigest(),
            "interval": study.questions.interval.prob,
            "hierbayes": version("hierbayes"),
        }
    )
    return tree


def _about(study: SensitivityStudy) -> list[str]:
    fit = study.baseline.fit
    chains, draws = fit.sigma_draws.shape
    seed = study.baseline.settings.seed
    return [
        f"Model:     {fit.design.specification}",
        f"Baseline:  posterior, {chains} chains × {draws} draws, seed {seed}",
    ]


def _table(study: SensitivityStudy) -> pd.DataFrame:
    flips = [name for name in _FLIPS if study.table[name].any()]
    return study.table[[*_SHOWN, *flips]]


def _beyond(study: SensitivityStudy) -> list[str]:
    """Alternatives that are not answered from the baseline's draws, and why."""
    table = study.alternatives
    return [
        f"{name}: {row['how']}; {row['reason']}"
        for name, row in table[table["reason"] != ""].iterrows()
    ]


def _items(sentences: list[str]) -> str:
    return "\n".join(
        fill(one, 100, initial_indent="  - ", subsequent_indent="    ") for one in sentences
    )
