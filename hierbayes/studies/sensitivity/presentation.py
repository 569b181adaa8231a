"""A sensitivity study as text, as a page, and as a DataTree."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import pandas as pd

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.products import Products
from hierbayes.design.subject import subject_of
from hierbayes.display.about import about_line
from hierbayes.display.blocks import Items, Table
from hierbayes.display.interval import Interval
from hierbayes.display.page import Page
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.studies.sensitivity.answers import Baseline

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

    def page(self) -> Page:
        """Verdicts, the table, and what was not answered from the draws of the baseline."""
        blocks = (
            Items(self._verdicts(), "What the priors do"),
            Table(self._shown(), _TABLE),
            Items(self._beyond(), "Beyond re-weighting"),
        )
        return Page(self.title, self._about(), blocks)

    def _about(self) -> tuple[str, ...]:
        fit = self.baseline.fit
        chains, draws = fit.theta.sigma.shape
        seed = self.baseline.settings.seed
        sampled = _counted(chains, "chain", "chains")
        subject = subject_of(fit.design)
        left_out = [about_line("Note", subject.left_out)] if subject.left_out else []
        lines = (
            about_line("Model", subject.model),
            *left_out,
            about_line("Baseline", f"posterior, {sampled} × {draws} draws, seed {seed}"),
        )
        why = self.baseline.objection
        if why:
            beware = (
                f"diagnose() rejects the draws of the baseline: {why}; there is no verdict before "
                "they are sampled anew"
            )
            return (*lines, about_line("Beware", beware))
        return lines

    def _verdicts(self) -> tuple[str, ...]:
        return tuple(f"{name}: {text}" for name, text in self.table["verdict"].items())

    def _shown(self) -> pd.DataFrame:
        """The table in print: the movement with its error in one column."""
        moves = zip(self.table["movement"], self.table["mcse"], strict=True)
        maximum = "REML" if self.baseline.fit.problem.family is None else "ML"
        shown = self.table[["mean", "sd", maximum, "smallest", "largest"]].assign(
            movement=[
                f"{move:+z.2f} ± {error:.2f}" if np.isfinite(move) else "" for move, error in moves
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
    digest = hashlib.sha256()
    for array in _cross_products(baseline.fit.problem.unweighted.working):
        digest.update(np.ascontiguousarray(array).tobytes())
    if baseline.fit.problem.family is not None:
        digest.update(np.ascontiguousarray(baseline.fit.problem.family_rows.y).tobytes())
    priors = baseline.priors.frame().reset_index()
    return {
        "model": str(baseline.fit.design.specification),
        "seed": baseline.settings.seed,
        "priors": json.dumps(priors.to_dict(orient="records")),
        "cross_products_sha256": digest.hexdigest(),
        "interval": interval.prob,
        "hierbayes": version("hierbayes"),
    }


def _cross_products(of: Products) -> tuple[Floats | Integers, ...]:
    """The numbers that the rows left."""
    if isinstance(of, CrossProducts):
        return of.R, of.T, of.W
    found: list[Floats | Integers] = [of.C]
    found += [array for one in of.levels for array in (one.A, one.B)]
    found += [array for one in of.pairs for array in (one.i, one.j, one.values)]
    return tuple(found)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
