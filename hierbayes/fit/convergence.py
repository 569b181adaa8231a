"""Convergence of a sampler, parameter by parameter, through ArviZ."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import correlated_pairs

R_HAT_LIMIT = 1.01
R_HAT_OF_PROPOSALS = 1.05  # the same of importance sampling: a chain has few, but independent ones
FEW_DIVERGENCES = 0.001  # of the draws, up to which they can be used


def scalar_draws(fit: Fitted, *, random_effects: bool = True) -> tuple[pd.MultiIndex, Floats]:
    """Every scalar parameter by block and name, and its draws (chains, draws, k).

    Correlations appear once each; entries fixed by the model do not appear.  Of very many groups
    the random effects of some stand for all.
    """
    effects, terms = fit.design.effect_labels, fit.design.terms
    sd, corr = fit.theta.sd, fit.theta.corr
    rows, columns = correlated_pairs(fit.design.blocks)
    names = [("gamma", term) for term in terms] + [("sd", effect) for effect in effects]
    names += [("corr", f"{effects[c]}, {effects[r]}") for r, c in zip(rows, columns, strict=True)]
    names += [(name, name) for name in fit.problem.dispersion]
    of_errors, error_draws = fit.error_draws
    names += [("residual", name) for name in of_errors]
    parts = [fit.gamma_draws, sd, corr[..., rows, columns], fit.phi_draws, error_draws]
    if random_effects:
        chains, draws = fit.theta.sigma.shape
        for span, (labels, u) in zip(fit.design.spans, fit.judged_effects, strict=True):
            names += [("u", f"{group}, {one}") for group in labels for one in effects[span]]
            parts.append(u.reshape(chains, draws, -1))
    index = pd.MultiIndex.from_tuples(names, names=["block", "parameter"])
    return index, np.concatenate(parts, axis=-1)


def r_hat_limit(k_hat: float | None) -> float:
    """The largest R-hat of draws that can be used; k̂ is that of importance sampling, if any.

    Chains of it are proposals from one distribution, which cannot disagree: with some 200 effective
    ones R-hat is above 1.01 by chance, and k̂ and ESS say what the draws are worth.
    """
    return R_HAT_LIMIT if k_hat is None else R_HAT_OF_PROPOSALS


def objection(r_hat: float, diverging: int, draws: int, k_hat: float | None = None) -> str:
    """Why draws cannot be used, in words; empty where they can.

    Examples
    --------
    >>> objection(1.002, 2, 4000), objection(1.002, 40, 4000)
    ('', '40 divergences in 4000 draws')
    """
    if r_hat > r_hat_limit(k_hat):
        return f"chains disagree (R-hat {r_hat:.2f})"
    if diverging > FEW_DIVERGENCES * draws:
        return f"{diverging} divergence{'s' * (diverging > 1)} in {draws} draws"
    return ""


def mcse_of_means(draws: Floats) -> Floats:
    """Monte Carlo error of the mean of each of k quantities (chains, draws, k)."""
    from arviz_stats.base import array_stats

    error: Floats = array_stats.mcse(draws, method="mean", chain_axis=0, draw_axis=1)
    return error


def convergence_table(fit: Fitted, *, random_effects: bool = True) -> pd.DataFrame:
    """R-hat, bulk and tail ESS and the Monte Carlo error of the mean, a row per parameter."""
    from arviz_stats.base import array_stats

    index, draws = scalar_draws(fit, random_effects=random_effects)
    told = _with_digits(fit, index, draws)
    axes = {"chain_axis": 0, "draw_axis": 1}
    chains = draws.shape[0]
    return pd.DataFrame(
        {
            "mcse_mean": mcse_of_means(draws),
            "ess_bulk": array_stats.ess(told, method="bulk", **axes),
            "ess_tail": array_stats.ess(told, method="tail", prob=(0.05, 0.95), **axes),
            "r_hat": array_stats.rhat(told, method="rank", **axes)
            if chains > 1
            else np.full(len(index), np.nan),
        },
        index=index,
    )


def _with_digits(fit: Fitted, index: pd.MultiIndex, draws: Floats) -> Floats:
    """Draws by which chains are judged: coordinates of what is 0 or 1 in all its digits.

    So are powers of φ where time has a unit far from the gaps.
    """
    z = fit.error_coordinates
    if z is None:
        return draws
    of_errors = np.flatnonzero(index.get_level_values("block") == "residual")
    lost = np.ptp(draws[..., of_errors], axis=(0, 1)) == 0.0
    told = draws.copy()
    told[..., of_errors[lost]] = z[..., lost]
    return told


def relative_efficiency(fit: Fitted) -> float:
    """Effective draws per draw of the mean of a parameter, averaged over γ, sd, corr and φ."""
    from arviz_stats.base import array_stats

    _, draws = scalar_draws(fit, random_effects=False)
    found = array_stats.ess(draws, method="mean", chain_axis=0, draw_axis=1)
    mean = float(np.nanmean(found)) / draws[..., 0].size
    return mean if np.isfinite(mean) and mean > 0.0 else 1.0
