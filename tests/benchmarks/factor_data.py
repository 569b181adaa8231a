"""Gaussian responses by several grouping factors, and in many groups, some after known sets."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.benchmarks.family_data import FamilyData
from tests.factors_reference import CASES, FOLDER


def plates() -> pd.DataFrame:
    """Diameters of 6 samples on 24 plates, crossed, after Penicillin."""
    rng = np.random.default_rng(3)
    plate, sample = np.repeat(np.arange(24), 6), np.tile(np.arange(6), 24)
    y = 23.0 + rng.normal(0, 0.85, 24)[plate] + rng.normal(0, 1.8, 6)[sample]
    return pd.DataFrame({"y": y + rng.normal(0, 0.55, 144), "plate": plate, "sample": sample})


def casks() -> pd.DataFrame:
    """Strengths of two samples of each of 3 casks in 10 batches, after Pastes."""
    rng = np.random.default_rng(4)
    cask = np.repeat(np.arange(30), 2)
    y = 60.0 + rng.normal(0, 1.3, 10)[cask // 3] + rng.normal(0, 2.9, 30)[cask]
    y += rng.normal(0, 0.8, 60)
    return pd.DataFrame({"y": y, "batch": cask // 3, "cask": cask})


def evaluations(part: int = 1) -> pd.DataFrame:
    """The size of lme4's InstEval: students cross lecturers."""
    rng = np.random.default_rng(0)
    n, students, lecturers = 73_421 // part, 2972 // part, 1128 // part
    s, d = rng.integers(0, students, n), (rng.beta(0.8, 1.6, n) * lecturers).astype(int)
    service = rng.integers(0, 2, n)
    y = 3.2 - 0.07 * service + rng.normal(0, 0.33, students)[s] + rng.normal(0, 0.5, lecturers)[d]
    y += rng.normal(0, 1.18, n)
    return pd.DataFrame({"y": y, "service": service, "s": s, "d": d})


def classes(part: int = 1) -> pd.DataFrame:
    """Classes of five rows in schools of twenty classes, with a slope of schools."""
    rng = np.random.default_rng(1)
    count, schools = 100_000 // part, 5_000 // part
    c = np.repeat(np.arange(count), 5)
    k, x = c // 20, rng.normal(size=len(c))
    y = 1.0 + rng.normal(size=count)[c] + rng.normal(0.0, 0.7, schools)[k]
    y += (0.5 + rng.normal(0.0, 0.3, schools)[k]) * x + rng.normal(0.0, 1.5, len(c))
    return pd.DataFrame({"y": y, "x": x, "c": c, "k": k})


def many_groups(groups: int = 50_000) -> pd.DataFrame:
    """Groups of eight rows with a slope."""
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(groups), 8)
    x = rng.normal(size=len(g))
    y = 1.0 + rng.normal(0.0, 0.8, groups)[g] + (0.5 + rng.normal(0.0, 0.4, groups)[g]) * x
    return pd.DataFrame({"y": y + rng.normal(size=len(g)), "x": x, "g": g})


def reference(name: str) -> pd.DataFrame:
    """The rows of a model of ``tests/reference/factors``, its factors as text."""
    frame = pd.read_csv(FOLDER / CASES[name]["file"])
    for column in CASES[name]["levels"]:
        frame[column] = frame[column].astype(str)
    return frame


POSTERIORS = {
    "plates": FamilyData(
        "144 rows, 24 plates × 6 samples", "y ~ 1 + (1 | plate) + (1 | sample)", "gaussian", plates
    ),
    "casks": FamilyData(
        "60 rows, 30 casks in 10 batches", "y ~ 1 + (1 | batch) + (1 | cask)", "gaussian", casks
    ),
    "Scottish schools": FamilyData(
        "3435 rows, 148 primary × 19 secondary schools", CASES["ScotsSec_crossed"]["formula"],
        "gaussian", lambda: reference("ScotsSec_crossed"),
    ),
}  # fmt: skip
LARGE_POSTERIORS = {
    "evaluations": FamilyData(
        "73,421 rows, 2972 students × 1128 lecturers", "y ~ service + (1 | s) + (1 | d)",
        "gaussian", evaluations,
    ),
    "many groups": FamilyData(
        "400,000 rows in 50,000 groups", "y ~ x + (1 + x | g)", "gaussian", many_groups
    ),
}  # fmt: skip
