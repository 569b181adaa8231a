"""Margins of models without random effects, by the Python package marginaleffects.

    python tests/reference/margins.py

Groups are dealt so that rows of one group are less alike than chance would have it: the maximum of
a hierarchical model of these data has G = 0 and is that of statsmodels.  Needs marginaleffects
0.6.1 and statsmodels 0.15.0, which the tests do not.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

margins = import_module("marginaleffects")
comparisons, datagrid = margins.comparisons, margins.datagrid
predictions, slopes = margins.predictions, margins.slopes

CALLS: dict[str, Any] = {
    "predictions by row": lambda m, d: predictions(m, newdata=d.head(6)),
    "predictions by a": lambda m, d: predictions(m, by="a"),
    "predictions on a grid": lambda m, d: predictions(
        m, newdata=datagrid(newdata=d, x=[-1.0, 0.5], a=["p", "q"])
    ),
    "comparisons of x": lambda m, d: comparisons(m, variables="x", by=True),
    "comparisons of x by a, a step of 2": lambda m, d: comparisons(m, variables={"x": 2}, by="a"),
    "comparisons of x between values": lambda m, d: comparisons(
        m, variables={"x": [-1, 1]}, by=True
    ),
    "comparisons of x by sd": lambda m, d: comparisons(m, variables={"x": "sd"}, by=True),
    "comparisons of a, pairwise": lambda m, d: comparisons(m, variables={"a": "pairwise"}, by=True),
    "ratio of x by iqr": lambda m, d: comparisons(
        m, variables={"x": "iqr"}, comparison="ratio", by=True
    ),
    "slopes of x by a": lambda m, d: slopes(m, variables="x", by="a"),
    "slopes of x by row": lambda m, d: slopes(m, variables="x", newdata=d.head(6)),
}
OF_LOGITS = {
    "log odds ratio of a": lambda m, d: comparisons(
        m, variables={"a": ["p", "q"]}, comparison="lnor", by=True
    ),
    "lift of x": lambda m, d: comparisons(m, variables="x", comparison="lift", by=True),
}


def data() -> pd.DataFrame:
    """Sixty rows, and ten groups of them by each response."""
    rng = np.random.default_rng(7)
    x, a = rng.normal(size=60).round(3), rng.choice(["p", "q", "r"], size=60)
    eta = 0.3 + 0.8 * x - 0.7 * (a == "q") + 0.5 * x * (a == "r")
    y = (2.0 + eta + rng.normal(size=60)).round(3)
    share = 1.0 / (1.0 + np.exp(-eta))
    b = (rng.random(60) < share).astype(int)
    return pd.DataFrame(
        {"y": y, "b": b, "x": x, "a": a, "g": dealt(y - 2.0 - eta), "h": dealt(b - share)}
    )


def dealt(rest: np.ndarray) -> np.ndarray:
    """Ten groups, dealt to and fro in the order of what is left."""
    to_and_fro = np.concatenate([np.arange(10), np.arange(10)[::-1]])
    groups = np.empty(len(rest), dtype=int)
    groups[np.argsort(rest, kind="stable")] = np.resize(to_and_fro, len(rest))
    return groups


def numbers(found: Any) -> dict[str, list[float]]:
    """Estimates and standard errors."""
    names = ("estimate", "std_error")
    return {name: [float(f"{one:.12g}") for one in found[name]] for name in names}


def main() -> None:
    """Write the numbers."""
    frame = data().astype({"a": "category"})
    table = import_module("polars").from_pandas(frame)
    smf = import_module("statsmodels.formula.api")
    linear = smf.ols("y ~ x * a", data=frame).fit()
    logit = smf.logit("b ~ x * a", data=frame).fit(disp=0, method="newton", tol=1e-14)
    made = {
        "data": data().to_dict(orient="list"),
        "linear": {name: numbers(call(linear, table)) for name, call in CALLS.items()},
        "logit": {name: numbers(call(logit, table)) for name, call in (CALLS | OF_LOGITS).items()},
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(made) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
