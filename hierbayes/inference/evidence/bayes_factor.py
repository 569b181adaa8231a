"""Bayes factors: models compared by their marginal likelihoods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page, Printed
from hierbayes.errors import InferenceError, in_quotes
from hierbayes.inference.accepted_fits import refuse_other_rows
from hierbayes.inference.evidence.evidence import evidence
from hierbayes.inference.evidence.marginal_likelihood import (
    MarginalLikelihood,
    distrust,
    prior_notes,
)

_GRADES = ((1.0, "no more than a mention"), (3.0, "positive"), (5.0, "strong"),
           (np.inf, "very strong"))  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BayesFactor(Printed):
    """Models side by side by their marginal likelihoods.

    Parameters
    ----------
    table : DataFrame
        A row per model, as stated: ``log_evidence``, its ``error`` and ``method``; ``log_bf``
        against the first model with its error ``error_bf``; ``prior`` and ``posterior``
        probability; ``k_hat``.
    evidences : tuple of MarginalLikelihood
    models : tuple of str
        What each model is, in a line.
    notes : tuple of str
    """

    table: pd.DataFrame
    evidences: tuple[MarginalLikelihood, ...]
    models: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def log_bf(self) -> float:
        """Log Bayes factor of the first model over the second.

        Raises
        ------
        InferenceError
            When there are more than two; see `pairs`.
        """
        if len(self.table) != 2:
            raise InferenceError(
                f"there are {len(self.table)} models and a Bayes factor for every pair: see .pairs"
            )
        return -float(self.table["log_bf"].iloc[1])

    @property
    def error(self) -> float:
        """Error of `log_bf`."""
        _ = self.log_bf
        return float(self.table["error_bf"].iloc[1])

    @property
    def pairs(self) -> pd.DataFrame:
        """Log Bayes factor of the model of each row over that of each column."""
        logs = self.table["log_evidence"].to_numpy()
        names = self.table.index
        return pd.DataFrame(logs[:, None] - logs, index=names, columns=list(names))

    def page(self) -> Page:
        """The table, and how to read it."""
        shown = self.table.dropna(axis="columns", how="all")
        blocks = (Table(shown, "Marginal likelihoods"), Items(self.notes, "Notes"))
        return Page("Bayes factors", self.models, blocks)


def bayes_factor(
    *of: Any,
    names: Sequence[str] | None = None,
    prior: Sequence[float] | Mapping[str, float] | None = None,
    method: str = "auto",
    points: int | None = None,
    seed: int = 0,
) -> BayesFactor:
    """Compare models by how well they predicted the responses before they were seen.

    Parameters
    ----------
    *of : Model, Fit or MarginalLikelihood
        At least two, with proper priors, on the same rows and responses; see `evidence`.
    names : sequence of str, optional
        A name for each; by default ``"model 1"`` and so on.
    prior : sequence of float or mapping, optional
        Weights of the models beforehand, by place or by name; equal if not stated.
    method, points, seed
        Of `evidence`, where it is still to be computed.

    Raises
    ------
    InferenceError
        When there are fewer than two, rows or responses differ, or names or weights do not suit.
    PriorError
        When a prior is improper: it has no evidence.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> priors = dict(gamma=hb.Normal(0, 15), sd=hb.HalfNormal(5), sigma=hb.HalfNormal(10))
    >>> models = [hb.Model(f"mathach ~ {x} + (1 | school)", data=hs, priors=priors)
    ...           for x in ("ses", "1")]
    >>> found = hb.bayes_factor(*models, names=["ses", "empty"])
    >>> round(found.log_bf, 1)
    57.4
    """
    if len(of) < 2:
        raise InferenceError(f"a Bayes factor needs at least two models, not {len(of)}")
    labels = _names(names, len(of))
    weights = _prior(prior, labels)
    for other in of[1:]:
        if hasattr(of[0], "problem") and hasattr(other, "problem"):
            refuse_other_rows("bayes_factor", of[0].problem, other.problem)
    found = tuple(_evidence(one, method, points, seed) for one in of)
    lines = tuple(f"{label}: {one.design.specification}"
                  for label, one in zip(labels, found, strict=True))  # fmt: skip
    table = _table(labels, found, weights)
    return BayesFactor(table, found, lines, _notes(table, found))


def _evidence(one: Any, method: str, points: int | None, seed: int) -> MarginalLikelihood:
    if isinstance(one, MarginalLikelihood):
        return one
    return evidence(one, method=method, points=points, seed=seed)


def _names(names: Sequence[str] | None, count: int) -> list[str]:
    if names is None:
        return [f"model {place}" for place in range(1, count + 1)]
    stated = [names] if isinstance(names, str) else list(map(str, names))
    if len(stated) != count or len(set(stated)) != count:
        raise InferenceError(f"{count} models need {count} different names, not {stated}")
    return stated


def _prior(stated: Any, labels: list[str]) -> np.ndarray:
    """Prior probabilities of the models."""
    if stated is None:
        return np.full(len(labels), 1.0 / len(labels))
    if isinstance(stated, Mapping):
        if set(stated) != set(labels):
            raise InferenceError(
                f"prior must have a weight for each of {in_quotes(labels)}, not for "
                f"{in_quotes(stated)}"
            )
        stated = [stated[label] for label in labels]
    weights = list(stated) if isinstance(stated, Sequence | np.ndarray) else []
    good = all(isinstance(w, Real) and 0.0 < float(w) < np.inf for w in weights)
    if len(weights) != len(labels) or not good:
        raise InferenceError(
            f"prior must be {len(labels)} positive weights, one for each model, not {stated!r}"
        )
    return np.array(weights, dtype=np.float64) / np.sum(weights)


def _table(
    labels: list[str], found: tuple[MarginalLikelihood, ...], weights: np.ndarray
) -> pd.DataFrame:
    logs = np.array([one.log_evidence for one in found])
    errors = np.array([one.error for one in found])
    together = logs + np.log(weights)
    between = np.hypot(errors, errors[0])
    between[0] = 0.0
    return pd.DataFrame(
        {
            "log_evidence": logs, "error": errors, "log_bf": logs - logs[0], "error_bf": between,
            "prior": weights, "posterior": np.exp(together - logsumexp(together)),
            "method": [one.method for one in found], "k_hat": [one.k_hat for one in found],
        },
        index=pd.Index(labels, name="model"),
    )  # fmt: skip


def _notes(table: pd.DataFrame, found: tuple[MarginalLikelihood, ...]) -> tuple[str, ...]:
    order = table["log_evidence"].sort_values(ascending=False)
    lead = float(order.iloc[0] - order.iloc[1])
    error = float(np.hypot(*table.loc[order.index[:2], "error"]))
    grade = next(words for limit, words in _GRADES if lead <= limit)
    notes = [
        f"'{order.index[0]}' is ahead of '{order.index[1]}' by {lead:.2f} (a Bayes factor of "
        f"{np.exp(min(lead, 700.0)):.3g}), in the words of Kass and Raftery {grade}"
        + ("; but the error is as large." if lead <= 2.0 * error else ".")
    ]
    notes += [f"{label}: {words}" for label, one in zip(table.index, found, strict=True)
              for words in distrust(one)]  # fmt: skip
    return (*notes, *_on_priors(table, found))


def _on_priors(table: pd.DataFrame, found: tuple[MarginalLikelihood, ...]) -> tuple[str, ...]:
    """How the comparison depends on priors, in words and numbers."""
    said = list(dict.fromkeys(note for one in found for note in prior_notes(one.priors)))
    if all("gamma" in one.wider.index for one in found):
        changes = [float(one.wider.loc["gamma", "change"]) for one in found]
        moved = [
            f"{label} {log_bf + change - changes[0]:.2f}"
            for label, log_bf, change in zip(table.index[1:], table["log_bf"].iloc[1:],
                                             changes[1:], strict=True)
        ]  # fmt: skip
        said.append(
            "With prior sds of the fixed effects twice as wide, log_bf would be: "
            f"{', '.join(moved)}."
        )
    return tuple(said)
