"""A sensitivity study as text, as a page, and as a DataTree."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from html import escape
from importlib.metadata import version

import numpy as np
import pandas as pd

from hierbayes.display.interval import Interval
from hierbayes.display.table_text import items_text, table_cells, table_text
from hierbayes.fit.convergence import R_HAT_LIMIT
from hierbayes.studies.sensitivity.answers import Baseline

_SHOWN = ["mean", "sd", "REML", "smallest", "largest"]
_FLIPS = ["sign_flips", "decision_flips"]
_TABLE = "Posterior means, and how far they move at most, in posterior sds"


@dataclass(frozen=True, slots=True, eq=False)
class Presentation:
    """What is shown of a sensitivity study.

    Parameters
    ----------
    baseline : Baseline
    table, alternatives : DataFrame
        A row per quantity, with its verdict; a row per alternative.
    """

    baseline: Baseline
    table: pd.DataFrame
    alternatives: pd.DataFrame

    @property
    def title(self) -> str:
        """What was studied, and how it was answered."""
        how = self.alternatives["how"].value_counts()
        said = ", ".join(f"{count} {name}" for name, count in how.items())
        return (
            f"Prior sensitivity of {_counted(len(self.table), 'quantity', 'quantities')} to "
            f"{_counted(len(self.alternatives), 'alternative', 'alternatives')} ({said})"
        )

    def text(self) -> str:
        """Verdicts, the table, and what was not answered from the draws of the baseline."""
        parts = [
            "\n".join([self.title, *(f"  {line}" for line in self._about())]),
            f"What the priors do:\n{items_text(self._verdicts())}",
            f"{_TABLE}:\n\n{table_text(self._shown())}",
        ]
        beyond = self._beyond()
        if beyond:
            parts.append(f"Beyond re-weighting:\n{items_text(beyond)}")
        return "\n\n".join(parts)

    def html(self) -> str:
        """The same as a page, with every alternative."""
        said = "".join(f"<li>{escape(text)}</li>" for text in self._verdicts())
        about = "<br>".join(escape(line) for line in self._about())
        return (
            f"<h3>{escape(self.title)}</h3><p>{about}</p><ul>{said}</ul>"
            f"<h4>{_TABLE}</h4>{table_cells(self._shown()).to_html()}"
            f"<h4>Alternatives</h4>{self.alternatives.round(2).to_html()}"
        )

    def _about(self) -> list[str]:
        fit = self.baseline.fit
        chains, draws = fit.theta.sigma.shape
        seed = self.baseline.settings.seed
        sampled = _counted(chains, "chain", "chains")
        lines = [
            f"Model:     {fit.design.specification}",
            f"Baseline:  posterior, {sampled} × {draws} draws, seed {seed}",
        ]
        if self.baseline.r_hat > R_HAT_LIMIT:
            lines.append(
                f"Beware:    the baseline's chains disagree (R-hat {self.baseline.r_hat:.2f}); "
                "nothing below can be better than its draws"
            )
        return lines

    def _verdicts(self) -> tuple[str, ...]:
        return tuple(f"{name}: {text}" for name, text in self.table["verdict"].items())

    def _shown(self) -> pd.DataFrame:
        """The table in print: the movement with its error in one column."""
        moves = zip(self.table["movement"], self.table["mcse"], strict=True)
        shown = self.table[_SHOWN].assign(
            movement=[
                f"{move:+.2f} ± {error:.2f}" if np.isfinite(move) else "" for move, error in moves
            ],
            moved_by=self.table["moved_by"],
        )
        return shown.join(self.table[[name for name in _FLIPS if self.table[name].any()]])

    def _beyond(self) -> tuple[str, ...]:
        """Alternatives that are not answered from the baseline's draws, and why."""
        rest = self.alternatives[self.alternatives["reason"] != ""]
        return tuple(f"{name}: {row['how']}; {row['reason']}" for name, row in rest.iterrows())


def provenance(baseline: Baseline, interval: Interval) -> dict[str, str | int | float]:
    """Where the numbers of a study come from: model, data, priors, seed and version."""
    cross = baseline.fit.problem.cross
    digest = hashlib.sha256()
    for array in (cross.A, cross.B, cross.C):
        digest.update(np.ascontiguousarray(array).tobytes())
    priors = baseline.priors.frame().reset_index()
    return {
        "model": str(baseline.fit.design.specification),
        "seed": baseline.settings.seed,
        "priors": json.dumps(priors.to_dict(orient="records")),
        "cross_products_sha256": digest.hexdigest(),
        "interval": interval.prob,
        "hierbayes": version("hierbayes"),
    }


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
