"""PyMC: the model written out, effects of groups included, as one script.

    γ, sd, R, σ ~ priors,  z ~ N(0, I),  u = z (diag(sd) L)',  L L' = R
    y ~ N(Xγ + Σ_k Z_k u_k, σ²)

The same model as `Model.graph`, which integrates γ and u out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.families.categorical import Categorical
from hierbayes.families.cumulative import Cumulative
from hierbayes.priors.families import DesignNormal
from hierbayes.priors.prior_set import EffectEntry, Entry
from hierbayes.residuals.stationary import Toeplitz
from hierbayes.specification.terms import INTERCEPT, column_name
from hierbayes.translation.dialect import Dialect, ModelToWrite
from hierbayes.translation.python.code import (
    complete_rows,
    contextual_in,
    definitions,
    orders_of_levels,
    python_term,
    quoted,
    refuse_data_name,
    successes,
)
from hierbayes.translation.python.priors import coefficients, splits, vector
from hierbayes.translation.python.pymc_errors import (
    DEFINITION,
    STRUCTURES,
    correlation_of,
    data_statements,
    needs,
    parameter_statements,
    refuse_two_ratios,
    response_statements,
    scale_of_rows,
    weighted_columns,
)
from hierbayes.translation.python.pymc_families import (
    FAMILIES,
    categories,
    dispersion_statements,
    observed,
    response,
    zero_columns,
)
from hierbayes.translation.r.stan_priors import number, refuse_joint_priors
from hierbayes.translation.responses import trials_of, zero_priors

_FUNCTIONS = frozenset((
    "I", "C", "contr", "center", "scale", "poly", "bs", "cr", "cs", "cc", "log", "exp", "cvar",
    "dvar",
))  # fmt: skip  # formulaic makes the columns there as here


def emit(model: ModelToWrite) -> str:
    """The model as a script that makes a ``pm.Model`` called ``model``.

    Raises
    ------
    FormulaError
        For joint priors, and priors that are PyMC objects.
    """
    refuse_data_name(model, "PyMC")
    refuse_joint_priors(model, "PyMC")
    refuse_two_ratios(model)
    parts = [_head(model), _data(model), _coordinates(model), _model(model)]
    return "\n\n".join(parts) + "\n"


def _head(model: ModelToWrite) -> str:
    lines = ["import pandas as pd", "import pymc as pm"]
    priors = model.priors
    parts: list[Sequence[Entry | EffectEntry]] = [
        priors.gamma,
        *(priors.sd[at] for at in block_slices(_blocks(model))),
    ]
    with_numpy = _needs_numpy(priors.gamma) or _needs_numpy(zero_priors(model))
    errors_with_numpy, errors_with_tensors = needs(model)
    with_numpy = with_numpy or bool(priors.centring) or errors_with_numpy
    lines = ["import numpy as np", *lines] if with_numpy else lines
    with_tensors = any(map(splits, parts)) or isinstance(model.family, Cumulative | Categorical)
    lines += ["import pytensor.tensor as pt"] if with_tensors or errors_with_tensors else []
    defined = definitions(model)
    if isinstance(correlation_of(model), Toeplitz):
        defined += DEFINITION
    return "\n".join([*lines, "from formulaic import model_matrix"]) + defined


def _data(model: ModelToWrite) -> str:
    """Complete rows, the matrices of the fixed and the random part, groups and response."""
    spec, data = model.specification, model.data
    used = contextual_in(model)
    context = f", context={{{', '.join(f'"{name}": {name}' for name in used)}}}" if used else ""

    def matrix(terms: tuple[str, ...]) -> str:
        return f"model_matrix({quoted(_sum(terms, model))}, {data}{context})"

    lines = [complete_rows(model), *successes(model), *orders_of_levels(model)]
    less = f".drop(columns=[{', '.join(map(quoted, model.left_out))}])" if model.left_out else ""
    lines += [f"X = {matrix(spec.fixed)}{less}"] * bool(spec.fixed)
    for k, block in enumerate(spec.random_effects):
        lines.append(f"{_name('Z', k, model)} = {matrix(block)}")
    lines += [observed(model, matrix), *zero_columns(model, matrix)]
    other, failures = trials_of(model)
    if other:
        whole = "y + " if failures else ""
        lines.append(f"m = {whole}{matrix((f'I({other})',))}.to_numpy()[:, 0]")
    if spec.offsets:
        lines.append(f"offset = {matrix(spec.offsets)}.to_numpy().sum(axis=1)")
    for factor, columns in spec.columns_of.items():
        lines += _groups(_of_factor("group", factor, model), columns, data)
    lines += data_statements(model)
    return "\n".join(lines)


def _groups(group: str, columns: tuple[str, ...], data: str) -> list[str]:
    """Codes of the rows' groups and the groups' labels."""
    labels = group.replace("group", "groups", 1)
    if len(columns) == 1:
        return [f"{group}, {labels} = pd.factorize({data}[{quoted(columns[0])}], sort=True)"]
    listed = ", ".join(map(quoted, columns))
    return [
        f"cells = pd.MultiIndex.from_frame({data}[[{listed}]])",
        f"{group}, {labels} = pd.factorize(cells, sort=True)",
        f'{labels} = [":".join(map(str, label)) for label in {labels}]',
    ]


def _coordinates(model: ModelToWrite) -> str:
    lines = ["coords = {"]
    lines += ['    "term": list(X.columns),'] * bool(model.specification.fixed)
    for k, _ in enumerate(model.specification.random_effects):
        suffix = _name("", k, model)
        lines.append(f'    "effect{suffix}": list({_name("Z", k, model)}.columns),')
    for factor in model.specification.factors:
        group = _of_factor("group", factor, model)
        lines.append(f'    "{group}": {group.replace("group", "groups", 1)},')
    if isinstance(model.family, Cumulative):
        names = ", ".join(quoted(name) for name, _, _ in model.priors.dispersion)
        lines.append(f'    "distance": [{names}],')
    lines += ['    "zero_term": list(W.columns),'] * bool(zero_priors(model))
    ratios = [quoted(name[6:-1]) for name, _, _ in model.priors.residual if name[:6] == "ratio["]
    lines += [f'    "stratum": [{", ".join(ratios)}],'] * bool(ratios)
    return "\n".join([*lines, f'    "row": {model.data}.index,', "}"])


def _model(model: ModelToWrite) -> str:
    """The model; of nominal categories a linear predictor of each but the first."""
    names = categories(model)
    lines = ["with pm.Model(coords=coords) as model:"]
    gamma = np.array_split(np.arange(len(model.priors.gamma)), len(names))
    for name, own in zip(names, gamma, strict=True):
        entries = [model.priors.gamma[at] for at in own]
        lines += coefficients(f"gamma{name}", weighted_columns(model), entries, "term")
    fixed = bool(model.specification.fixed)
    means = {
        name: [f"    mu{name} = " + (f"X.to_numpy() @ gamma{name}" if fixed else "0.0")]
        for name in names
    }
    corr = [prior for _, prior, _ in model.priors.corr]
    for place, at in enumerate(block_slices(_blocks(model))):
        k, c = divmod(place, len(names))
        eta = corr.pop(0).parameters["eta"] if at.stop - at.start > 1 else None
        made, mean = _effects(model, k, names[c], at, eta)
        lines += made
        means[names[c]].append(mean)
    if not model.specification.known_sd:
        lines += dispersion_statements(model)
    lines += parameter_statements(model)
    lines += [line for name in names for line in means[name]]
    lines += ["    mu = mu + offset"] * bool(model.specification.offsets)
    if isinstance(model.family, Cumulative) and model.family.link == "cloglog":
        lines.append("    above = pt.exp(-pt.exp(thresholds - mu[:, None]))  # P(y > k)")
        lines.append("    below = 1 - above[:, :1]")
        lines.append("    between = above[:, :-1] - above[:, 1:]")
    if correlation_of(model) is not None:
        return "\n".join([*lines, *response_statements(model)])
    said = response(model) if model.family else f'pm.Normal("y", mu, {scale_of_rows(model)}'
    lines.append(f'    {said}, observed=y, dims="row")')
    return "\n".join(lines)


def _effects(
    model: ModelToWrite, k: int, category: str, at: slice, eta: float | None
) -> tuple[list[str], str]:
    """Statements that make the effects of a block, and the one that adds them to mu."""
    priors, block = model.priors, _name("", k, model)
    suffix, columns = f"{block}{category}", f"{_name('Z', k, model)}.to_numpy()"
    group = _of_factor("group", model.specification.random[k].factor, model)
    entries = priors.sd[at]
    lines, size = vector(f"sd{suffix}", entries, "sd", f"effect{block}"), len(entries)
    scale = f"sd{suffix}"
    if eta is not None:
        lines.append(
            f'    L{suffix} = pm.LKJCorr("L{suffix}", n={size}, eta={number(eta)})'
            "  # lower root of the correlation matrix"
        )
        scale = f"(sd{suffix}[:, None] * L{suffix})"
    if any(priors.centred[at]):  # sd and L are of columns Z M
        rows = ", ".join(f"[{', '.join(map(number, row[at]))}]" for row in priors.centring[at])
        lines.append(f"    M{suffix} = np.array([{rows}])  # Z M are the centred columns")
        scale = f"(M{suffix} @ {scale})"
    lines += [
        f'    z{suffix} = pm.Normal("z{suffix}", 0, 1, dims=("{group}", "effect{block}"))',
        f'    u{suffix} = pm.Deterministic("u{suffix}", z{suffix} '
        f"{'@' if size > 1 else '*'} {scale}{'.T' if size > 1 else ''}, "
        f'dims=("{group}", "effect{block}"))',
    ]
    mu = f"mu{category}"
    return lines, f"    {mu} = {mu} + ({columns} * u{suffix}[{group}]).sum(axis=-1)"


def _blocks(model: ModelToWrite) -> list[int]:
    """Sizes of the blocks of G: a prior of correlations names the effects of its block."""
    names = [model.priors.label(name) for name, _, _ in model.priors.sd]
    wide = [name for name, _, _ in model.priors.corr]
    sizes: list[int] = []
    while (at := sum(sizes)) < len(names):
        fits = [
            n for n in range(2, len(names) - at + 1) if [", ".join(names[at : at + n])] == wide[:1]
        ]
        sizes.append(fits[0] if fits else 1)
        wide = wide[1:] if fits else wide
    return sizes


def _needs_numpy(entries: Sequence[Entry]) -> bool:
    """Whether a prior is one of several together."""
    return len(entries) > 1 and any(isinstance(one[1], DesignNormal) for one in entries)


def _name(letter: str, k: int, model: ModelToWrite) -> str:
    """A name with the number of its block, where there are several."""
    return letter if len(model.specification.random_effects) == 1 else f"{letter}_{k}"


def _of_factor(name: str, factor: str, model: ModelToWrite) -> str:
    """A name with the number of its grouping factor, where there are several."""
    factors = model.specification.factors
    return name if len(factors) == 1 else f"{name}_{factors.index(factor)}"


def _sum(terms: tuple[str, ...], model: ModelToWrite) -> str:
    written = [python_term(term, model, _FUNCTIONS, column_name, "PyMC") for term in terms]
    return " + ".join(written if INTERCEPT in terms else ["0", *written])


DIALECT = Dialect(
    "pymc",
    "Python: PyMC, written out",
    emit,
    families=FAMILIES,
    structures=STRUCTURES,
    without_random=True,
    drops_aliased=True,
)
