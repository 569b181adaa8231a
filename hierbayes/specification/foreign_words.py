"""Arguments of other packages' model functions, and what to write here for each."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from hierbayes.errors import FormulaError

_REML = "fit with model.reml(), or with model.ml() for maximum likelihood"
_SAMPLER = "give it to model.sample(), which takes draws, tune, chains, seed and cores"
_RANDOM = "write the random part in the formula, as in 'y ~ x + (1 + x | group)'"
_ROWS = "rows with a missing value in a column the model uses are left out and counted"
_PRIORS = "give priors, as in priors=dict(sd=hb.HalfNormal(5))"
_CODING = "write the coding in the formula, as in C(x, contr.sum)"
_OPTIMISER = "the maximum is found without settings; leave it out"

# By argument, as lme4, nlme, brms, rstanarm, bambi and statsmodels name them.
REMEDIES = {
    "link": "it belongs to the family, as in family=hb.families.Binomial(link='probit')",
    "nAGQ": "give the nodes of quadrature to ml(), as in model.ml(nodes=9)",
    "correlation": "it is a structure of the residuals, as in "
    "residual=hb.residuals.AR1('week', group='id')",
    "subset": "give the rows wanted, as in data=data[data['x'] > 0]",
    "na_action": _ROWS,
    "missing": _ROWS,
    "dropna": _ROWS,
    "contrasts": _CODING,
    "REML": _REML,
    "reml": _REML,
    "method": _REML,
    "groups": _RANDOM,
    "group": _RANDOM,
    "re_formula": _RANDOM,
    "vc_formula": _RANDOM,
    "fixed": "give the fixed part first, as in hb.Model('y ~ x', random='~ 1 | group', data=data)",
    "prior": _PRIORS,
    "prior_intercept": _PRIORS,
    "prior_covariance": _PRIORS,
    "noncentered": "random effects are integrated out, so they need no parametrisation",
    "control": _OPTIMISER,
    "start": _OPTIMISER,
    "chains": _SAMPLER,
    "iter": _SAMPLER,
    "warmup": _SAMPLER,
    "draws": _SAMPLER,
    "tune": _SAMPLER,
    "cores": _SAMPLER,
    "seed": _SAMPLER,
}


def refuse_foreign_words(words: Iterable[str], own: Iterable[str]) -> None:
    """Refuse arguments that a model does not take, with what to write in place of the first.

    Parameters
    ----------
    words : iterable of str
        The arguments; none is well.
    own : iterable of str
        Those that a model takes, of which the nearest is suggested for an unknown one.

    Raises
    ------
    FormulaError

    Examples
    --------
    >>> refuse_foreign_words(["REML"], ["data"])
    Traceback (most recent call last):
        ...
    hierbayes.errors.FormulaError: Model takes no argument 'REML': fit with model.reml(), or with
    model.ml() for maximum likelihood
    """
    own = list(own)
    for word in words:
        remedy = REMEDIES.get(word.replace(".", "_"))
        if remedy is None:
            near = get_close_matches(word, own, n=1)
            meant = f"did you mean '{near[0]}'? It" if near else "it"
            remedy = f"{meant} takes {', '.join(own)}"
        raise FormulaError(f"Model takes no argument '{word}': {remedy}")
