"""The marginal likelihood under each prior of a study.

That under an alternative is the baseline's times the posterior mean of the ratio of the priors,
γ integrated out anew where that changes; where draws of the baseline cannot be weighted to the
alternative, it is integrated like that of any model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from hierbayes.errors import HierbayesError
from hierbayes.fit.convergence import mcse_of_means
from hierbayes.inference.evidence.evidence import evidence_under
from hierbayes.inference.evidence.marginal_likelihood import MarginalLikelihood
from hierbayes.inference.evidence.proper_priors import refuse_improper_priors
from hierbayes.studies.sensitivity.answers import REWEIGHTED, Answer, Baseline
from hierbayes.studies.sensitivity.weights import log_ratio

BASELINE = "baseline"
INTEGRATED = "integrated"
NONE = "no evidence"


def evidence_cells(baseline: Baseline, answers: tuple[Answer, ...]) -> pd.DataFrame:
    """One row for the baseline and for each alternative, see `SensitivityStudy.evidence`.

    Raises
    ------
    PriorError
        When a prior of the baseline is improper.
    """
    base = evidence_under(baseline.fit.problem, baseline.priors)
    rows = [{
        "block": "", "log_evidence": base.log_evidence, "error": base.error, "log_bf": 0.0,
        "error_bf": 0.0, "k_hat": base.k_hat, "how": INTEGRATED, "reason": "",
    }]  # fmt: skip
    rows += [{"block": one.alternative.block, **_row(base, baseline, one)} for one in answers]
    names = [BASELINE, *(one.alternative.name for one in answers)]
    return pd.DataFrame(rows, index=pd.Index(names, name="alternative"))


def _row(base: MarginalLikelihood, baseline: Baseline, answer: Answer) -> dict[str, Any]:
    priors = answer.alternative.priors
    try:
        refuse_improper_priors(priors)
        if _is_weighted(baseline, answer):
            change, error = _mean_of_weights(baseline, answer)
            return {
                "log_evidence": base.log_evidence + change,
                "error": float(np.hypot(base.error, error)), "log_bf": change, "error_bf": error,
                "k_hat": answer.weights.k_hat, "how": REWEIGHTED, "reason": "",
            }  # fmt: skip
        found = evidence_under(baseline.fit.problem, priors)
    except HierbayesError as error:
        lost = dict.fromkeys(("log_evidence", "error", "log_bf", "error_bf", "k_hat"), np.nan)
        return {**lost, "how": NONE, "reason": str(error)}
    return {
        "log_evidence": found.log_evidence, "error": found.error,
        "log_bf": found.log_evidence - base.log_evidence,
        "error_bf": float(np.hypot(found.error, base.error)), "k_hat": found.k_hat,
        "how": INTEGRATED, "reason": answer.reason,
    }  # fmt: skip


def _is_weighted(baseline: Baseline, answer: Answer) -> bool:
    """Whether the draws of the baseline stand for the alternative, of the same columns."""
    same_columns = answer.alternative.priors.centring == baseline.priors.centring
    return answer.how == REWEIGHTED and answer.same_theta and same_columns


def _mean_of_weights(baseline: Baseline, answer: Answer) -> tuple[float, float]:
    """Log of the mean ratio of the priors over the draws, and its Monte Carlo error."""
    ratio = log_ratio(baseline.densities, answer.alternative.priors, baseline.priors)
    log_mean = float(logsumexp(ratio) - np.log(len(ratio)))
    relative = np.exp(ratio - log_mean).reshape(*baseline.fit.theta.sigma.shape, 1)
    moving = float(np.ptp(relative)) > 0.0
    return log_mean, float(mcse_of_means(relative)[0]) if moving else 0.0
