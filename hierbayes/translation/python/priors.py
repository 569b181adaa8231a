"""Priors as calls of PyMC's distributions, which bambi names alike, and parameters with them."""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.errors import FormulaError
from hierbayes.priors.families import DesignNormal, Prior
from hierbayes.priors.foreign_prior import ForeignPrior
from hierbayes.priors.prior_set import EffectEntry, Entry
from hierbayes.translation.r.stan_priors import number


def distribution_of(prior: Prior, block: str, system: str) -> str:
    """Name of PyMC's distribution of a prior in a block.

    Raises
    ------
    FormulaError
        For a PyMC object, whose code is not known.
    """
    if isinstance(prior, ForeignPrior):
        raise FormulaError(
            f"{system} cannot say the prior {prior} of '{block}': it is a PyMC object whose code "
            "is not known here; state a family of this package"
        )
    positive = block in ("sd", "sigma") and prior.distribution == "Flat"
    return "HalfFlat" if positive else prior.distribution


def parameters_of(priors: Sequence[Prior]) -> dict[str, str]:
    """Parameters of priors of one family as Python code: numbers, or lists where they differ."""
    found = {}
    for name in priors[0].parameters:
        values = [number(prior.parameters[name]) for prior in priors]
        found[name] = values[0] if len(set(values)) == 1 else f"[{', '.join(values)}]"
    return found


def vector(name: str, entries: Sequence[Entry | EffectEntry], block: str, dims: str) -> list[str]:
    """Statements that make a vector of parameters: one variable, or several where families are."""
    if not splits(entries):
        return [f"    {name} = {variable(name, entries, block, dims)}"]
    lines = [f"    {name} = pt.stack(["]
    lines += [
        f"        {variable(f'{name}_{k}', [entry], block)},  # {entry[0]}"
        for k, entry in enumerate(entries)
    ]
    return [*lines, "    ])", f'    pm.Deterministic("{name}", {name}, dims="{dims}")']


def variable(name: str, entries: Sequence[Entry | EffectEntry], block: str, dims: str = "") -> str:
    """A parameter, or several with priors of one family, as a call of its distribution."""
    families = [prior for _, prior, _ in entries]
    distribution = distribution_of(families[0], block, "PyMC")
    parts = [f'"{name}"', *(f"{key}={text}" for key, text in parameters_of(families).items())]
    parts += [f'dims="{dims}"'] if dims else []
    return f"pm.{distribution}({', '.join(parts)})"


def splits(entries: Sequence[Entry | EffectEntry]) -> bool:
    """Whether priors of a vector are of several families."""
    return len({prior.distribution for _, prior, _ in entries}) > 1


def coefficients(name: str, matrix: str, entries: Sequence[Entry], dims: str) -> list[str]:
    """Statements that make γ, or a vector like it; one distribution where terms share a prior.

    Parameters
    ----------
    name : str
    matrix : str
        What the code calls its columns.
    entries : sequence of (name, prior, source)
    dims : str

    Raises
    ------
    FormulaError
        Where some terms share a prior and others have their own.
    """
    if not entries:
        return []
    together = [name for name, prior, _ in entries if isinstance(prior, DesignNormal)]
    if not together or len(entries) == 1:
        return vector(name, entries, "gamma", dims)
    if len(together) < len(entries):
        raise FormulaError(
            f"PyMC code has no word for the prior that '{together[0]}' shares with the terms left "
            "unsaid, given those stated; state a prior for each of them"
        )
    means, sds = (
        ", ".join(number(prior.parameters[key]) for _, prior, _ in entries)
        for key in ("mu", "sigma")
    )
    return [
        f"    spread = np.linalg.inv({matrix}.to_numpy().T @ {matrix}.to_numpy())"
        "  # of estimates, but for σ²",
        f"    scale = np.array([{sds}]) / np.sqrt(np.diag(spread))",
        "    cov = scale[:, None] * spread * scale",
        f'    {name} = pm.MvNormal("{name}", mu=[{means}], cov=cov, dims="{dims}")',
    ]
