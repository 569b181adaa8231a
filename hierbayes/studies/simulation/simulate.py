r"""Simulate data from a model: y_j = X_jγ + Z_ju_j + r_j, u_j ~ N(0, G), r_j ~ N(0, σ²R_j).

Of another family the response is drawn from it, given η_j = X_jγ + Z_ju_j.

Groups, sizes, variables, u and r each have a stream of random numbers of their own, so that other
parameters change the data only through the formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.built_design import build_design
from hierbayes.design.design import Design
from hierbayes.design.matrices import columns_needed
from hierbayes.errors import StudyError
from hierbayes.families.family import ResponseFamily
from hierbayes.families.text import read_family
from hierbayes.fit.fitted import Fitted
from hierbayes.specification.counts import refuse_bad_seed
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.formula import Specification, read_combined
from hierbayes.studies.simulation.dispersion import labels_of
from hierbayes.studies.simulation.drawn_effects import draw_effects, truth_of
from hierbayes.studies.simulation.factor_rows import make_factor_rows
from hierbayes.studies.simulation.family_responses import (
    complete_sizes,
    draw_rows,
    row_columns,
    with_response,
)
from hierbayes.studies.simulation.gaussian_responses import draw_errors, known_sigma
from hierbayes.studies.simulation.parameters import Parameters, estimates, read_parameters
from hierbayes.studies.simulation.rows import RESIDUALS, Layout, make_rows, stream
from hierbayes.studies.simulation.simulated import Simulated


def simulate(
    model: str | Multilevel | Specification | Fitted,
    *,
    gamma: Any = None,
    G: Any = None,
    sigma: float | None = None,
    phi: Any = None,
    family: str | ResponseFamily | None = None,
    groups: Any = None,
    sizes: Any = None,
    variables: Mapping[str, Any] | None = None,
    between: Mapping[str, Any] | None = None,
    data: pd.DataFrame | None = None,
    seed: int | None = None,
) -> Simulated:
    """Simulate data from a model and its parameters.

    Parameters
    ----------
    model : str, Multilevel, Specification or Fit
        A formula with its random part, equations, or a fit, whose estimates (a posterior's means)
        are then the parameters that are not stated, those of its residual structure too.
    gamma : sequence or mapping
        Fixed effects, in the order of the terms or by their names.
    G : array-like (q, q)
        Covariance of the random effects; singular and zero ones are allowed.  Of several grouping
        factors also a mapping from each to that of its effects.
    sigma : float
        Residual standard deviation, of a Gaussian response.
    phi : number, sequence or mapping
        Dispersion of another family, in its order or by its names; thresholds are those of η with
        the intercept that γ states.
    family : str or ResponseFamily, optional
        Of the response, where it is not Gaussian, as in `hb.Model`; a fit has its own.  Trials and
        offsets are columns, as others are.
    groups : int, list or mapping
        How many groups, labelled from 1, or their labels.  Of several grouping factors a mapping
        from each, as ``{"school": 20, "class": 4}``: of one that is nested, ``school:class``,
        how many in each of the others (a number, a list or a source); all others cross.
    sizes : int, list, tuple or callable
        Rows of each group: one number, a list, or a source such as ``("poisson", 30)``.
        Sizes of 1 are kept; drawn sizes below 1 are drawn again.  Of several grouping factors rows
        of each combination of groups; where factors cross it may have none, as by
        ``("binomial", 1, 0.3)``.
    variables : mapping, optional
        From a column to its source: a list with a value for each row, a distribution of numpy's
        generators with its parameters such as ``("normal", 0, 1)``, or a function of a
        `numpy.random.Generator` and the rows made so far (group, variables between groups, and
        variables stated earlier).
    between : mapping, optional
        The same for variables of groups, with one value for each; of several grouping factors by
        factor, ``{"school": {"size": ("poisson", 300)}}``.
    data : DataFrame, optional
        Rows to simulate on, in the place of groups, sizes, variables and between. Values of the
        response in them are not used, and rows that lack a value the model needs are left out.
    seed : int, optional
        Equal seeds give equal data; by default one is drawn and recorded.

    Returns
    -------
    Simulated
        ``data``, and ``truth`` with γ, G, σ, u, β_j and the residuals.

    Raises
    ------
    StudyError
        When a parameter, a size or a source is missing or is none.
    FormulaError, DataError
        When the model cannot be read, or made on these rows.

    Notes
    -----
    The example is that of the slides, "A simulated example".

    Examples
    --------
    >>> import hierbayes as hb
    >>> school = hb.simulate(
    ...     "mathach ~ ses + (1 + ses | school)",
    ...     gamma=(12, 2), G=[[16, 8], [8, 25]], sigma=20**0.5,
    ...     groups=40, sizes=("poisson", 30), variables={"ses": ("normal", 0, 1)}, seed=1,
    ... )
    >>> school.data.columns.tolist()
    ['mathach', 'school', 'ses']
    >>> school.truth.beta.shape
    (40, 2)
    """
    seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed
    refuse_bad_seed(seed)
    layout = Layout(groups, sizes, variables or {}, between or {})
    spec = _specification(model)
    kind = _family(model, family)
    if kind is not None and kind.name == "Categorical":
        raise StudyError(
            f"simulate() draws no nominal categories, the family {kind}; fit.simulate() draws new "
            "responses of a fit, on its rows"
        )
    if kind is None and spec.trials is not None:
        raise StudyError(
            f"a Gaussian response has no trials; state family=, or leave them out of '{spec}'"
        )
    response = _response_column(spec)
    rows = _rows(model, data, layout, spec, seed)
    if response in rows and data is None:
        raise StudyError(f"'{response}' is the response, which is simulated; do not state it")
    kept = complete_sizes(rows, spec)
    given, rows = kept, kept.assign(**{response: 0.0})
    offsets = spec.offsets if kind is None else ()  # those of families are added as they are drawn
    design = build_design(replace(spec, trials=None, offsets=offsets), rows)
    given, rows = given.loc[design.rows.kept], rows.loc[design.rows.kept]
    design = replace(design, columns=replace(design.columns, specification=spec))
    if isinstance(model, Fitted):
        design = _as_fitted(
            design, model.design, rows if data is not None else _renamed(rows, spec)
        )
    sigma = known_sigma(spec, sigma)
    parameters = _parameters(model, design, (gamma, G, sigma, phi), kind)
    us, betas = draw_effects(design, parameters, int(seed))
    eta = design.rows.X @ parameters.gamma
    parts = zip(us.values(), design.rows.codes_of, design.spans, strict=True)
    for u, of, at in parts:
        eta = eta + (design.rows.Z[:, at] * u.to_numpy()[of]).sum(axis=1)
    generator = stream(seed, RESIDUALS)
    if kind is None:
        residuals = draw_errors(model, design, rows, float(parameters.phi[0]), generator)
        y = eta + design.rows.offset + residuals
        made = rows.assign(**{response: y})
    else:
        drawn = draw_rows(kind, spec, given, eta, parameters.phi, generator)
        y, residuals = drawn.y, drawn.residuals
        outcomes = model.problem.family_rows.outcomes if isinstance(model, Fitted) else ()
        made = with_response(rows, spec, drawn, labels_of(kind, outcomes, parameters.phi))
    truth = truth_of(design, parameters, kind, (us, betas), residuals)
    first = [response, *(name for name in rows.columns if name != response)]
    made = made[first if data is None else list(rows.columns)]
    return Simulated(made, truth, design.with_rows(response=y - design.rows.offset), int(seed))


def _family(model: object, stated: str | ResponseFamily | None) -> ResponseFamily | None:
    """That of a fit, or the one that is stated."""
    if not isinstance(model, Fitted):
        return read_family(stated)
    own = model.problem.family
    if stated is not None and read_family(stated) != own:
        raise StudyError(f"the family of the fit is {own or 'Gaussian'}; leave family= out")
    return own


def _as_fitted(design: Design, fitted: Design, rows: pd.DataFrame) -> Design:
    """The design with the codings (levels, knots, means of known groups) of a fit."""
    X, Z = fitted.columns.new_matrices(rows, random=True)
    columns = replace(design.columns, terms=fitted.terms, effects=fitted.effects)
    return replace(design.with_rows(X=X, Z=Z), columns=columns)


def _renamed(rows: pd.DataFrame, spec: Specification) -> pd.DataFrame:
    """Rows of new groups under labels that no fit has: their group means are their own."""
    columns = dict.fromkeys(name for factor in spec.factors for name in factor.split(":"))
    return rows.assign(**{
        name: [f"new group {label}" for label in rows[name]] for name in columns
    })  # fmt: skip


def _specification(model: object) -> Specification:
    if isinstance(model, str):
        return read_combined(model)
    if isinstance(model, Multilevel):
        return model.specification()
    if isinstance(model, Fitted):
        return model.design.specification
    if isinstance(model, Specification):
        return model
    raise StudyError(
        "simulate() takes a formula, a Multilevel, a Specification or a fit, not "
        f"{type(model).__name__}; of a Model give model.specification, with data=model.data"
    )


def _response_column(spec: Specification) -> str:
    name = spec.response.strip("`")
    if spec.response == f"`{name}`" or name.isidentifier():
        return name
    raise StudyError(
        f"the response '{spec.response}' is an expression, and a column is simulated; "
        "name a column in its place"
    )


def _rows(
    model: object, data: pd.DataFrame | None, layout: Layout, spec: Specification, seed: int
) -> pd.DataFrame:
    """The rows given, or those of the layout."""
    stated = [
        name for name in ("groups", "sizes", "variables", "between")
        if not (getattr(layout, name) is None or _is_empty(getattr(layout, name)))
    ]  # fmt: skip
    if data is not None:
        if stated:
            raise StudyError(f"the rows are stated twice: by data= and by {stated[0]}=; keep one")
        if not isinstance(data, pd.DataFrame):
            raise StudyError(f"data must be a pandas DataFrame, not {type(data).__name__}")
        return data
    if isinstance(model, Fitted) and not stated:
        raise StudyError(
            "a fit does not keep its data; give data=, the rows to simulate on (model.data are "
            "those of the fit), or groups= and sizes="
        )
    for name in ("groups", "sizes"):
        if getattr(layout, name) is None:
            raise StudyError(f"{name}= is not stated; give groups= and sizes=, or data=")
    columns = ":".join(spec.factors).split(":")
    by_factor = len(columns) > 1 or isinstance(layout.groups, Mapping)
    rows = (
        make_factor_rows(layout, spec.factors, seed)
        if by_factor
        else make_rows(layout, spec.group, seed)
    )
    for name in (*columns_needed(spec.fixed, *spec.random_effects), *row_columns(spec)):
        if name not in rows:
            raise StudyError(
                f"the model needs '{name}', which is not stated; give it in variables=, or in "
                "between= where groups have one value each"
            )
    return rows


def _is_empty(value: Any) -> bool:
    return isinstance(value, Mapping) and not value


def _parameters(
    model: object, design: Design, stated: tuple[Any, Any, Any, Any], family: ResponseFamily | None
) -> Parameters:
    gamma, G, sigma, phi = stated
    if isinstance(model, Fitted):
        own = estimates(model)
        gamma = own.gamma if gamma is None else gamma
        G = own.G if G is None else G
        if family is None:
            sigma = float(own.phi[0]) if sigma is None else sigma
        else:
            phi = own.phi if phi is None else phi
    return read_parameters(design, gamma, G, sigma, phi, family)
