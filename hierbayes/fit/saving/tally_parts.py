"""What is kept of rows that were summed up, as plain values and arrays in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.basis import Basis
from hierbayes.design.built_design import factors_of_rows
from hierbayes.design.change_of_basis import RandomColumns
from hierbayes.design.column_moments import Moments
from hierbayes.design.constancy_watch import Ranges
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.factor_watch import FactorFound
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.one_pass import Pass
from hierbayes.design.products import Products
from hierbayes.design.recorded_columns import LabelColumn, NumberColumn, RecordedColumn
from hierbayes.design.rows_root import rows_root
from hierbayes.design.sparse_products import PairProducts, RowsRoot, SparseProducts
from hierbayes.design.standardisation import Standardisation
from hierbayes.design.tally import Tally
from hierbayes.errors import SavedFitError
from hierbayes.fit.saving.archive import Contents
from hierbayes.fit.saving.moment_parts import moments_again, moments_said
from hierbayes.fit.saving.plain_values import NotPlainError, as_plain, from_plain
from hierbayes.fit.saving.row_columns import frame_as_bytes, frame_of_bytes
from hierbayes.frames.arrays import Floats

ERRORS = "errors"
_MEANS, _ARRAY = "means of groups", "array"
_BASIS = ("constant", "taken")
_COLUMNS = tuple(one.name for one in fields(Standardisation) if one.name != "in_parts")


@dataclass(slots=True)
class _Parts:
    """What stands in the archive beside the manifest, by name."""

    arrays: dict[str, np.ndarray]
    rows: list[bytes]


def tally_contents(tally: Tally) -> Contents:
    """Plain values of a tally, its arrays, and the labels of its groups.

    Functions of the formula are left out.

    Raises
    ------
    SavedFitError
        When a level cannot be written.
    """
    parts = _Parts({}, [])
    found = tally.found
    try:
        said = {
            "specification": as_plain(replace(tally.specification, functions=())),
            "columns": as_plain({name: _said(one) for name, one in tally.columns.items()}),
            "states": as_plain(_states_said(tally.states)),
            "terms": as_plain(tally.terms),
            "effects": as_plain(tally.effects),
            "blocks": as_plain(tally.random.blocks),
            "ends": [span.stop for span in tally.random.spans],
            "factors": [_factor(k, one, parts) for k, one in enumerate(found.factors)],
            "missing": as_plain(found.missing),
            "dropped": found.dropped,
            "two_valued": found.two_valued,
            "log_root_weights": found.log_root_weights,
            "center": found.cross.basis.center,
            "scale": found.cross.basis.scale,
        }
        if tally.moments is not None:
            said[ERRORS] = moments_said(tally.moments, parts.arrays, parts.rows)
    except NotPlainError as error:
        raise SavedFitError(
            f"a level is of type {error}, which a file of cross-products cannot hold; make numbers "
            "or text of them"
        ) from error
    basis = found.cross.basis
    for where, columns in (("x", basis.x), ("z", basis.z)):
        parts.arrays |= {f"{where}_{name}": getattr(columns, name) for name in _COLUMNS}
    parts.arrays |= {f"basis_{name}": getattr(basis, name) for name in _BASIS}
    parts.arrays |= {f"moments_{one.name}": getattr(found.moments, one.name)
                     for one in fields(Moments)}  # fmt: skip
    for at, pair in enumerate(_pairs(found.cross)):
        parts.arrays |= {f"pair{at}_{name}": getattr(pair, name) for name in ("i", "j", "values")}
    root = rows_root(found.cross) if isinstance(found.cross, SparseProducts) else None
    if root is not None:
        parts.arrays["root_of_rows"] = root
    return Contents(said, parts.arrays, tuple(parts.rows))


def _pairs(cross: Products) -> tuple[PairProducts, ...]:
    return cross.pairs if isinstance(cross, SparseProducts) else ()


def _said(column: RecordedColumn) -> dict[str, Any]:
    return {one.name: getattr(column, one.name) for one in fields(column)}


def _states_said(value: Any) -> Any:
    """What transforms remember; means of groups as their labels and values."""
    if isinstance(value, pd.Series):
        return (_MEANS, value.index.tolist(), value.tolist())
    if isinstance(value, np.ndarray):
        return (_ARRAY, value.tolist())
    if isinstance(value, Mapping):
        return {key: _states_said(one) for key, one in value.items()}
    return value


def _states_again(value: Any) -> Any:
    match value:
        case (kind, labels, values) if kind == _MEANS:
            return pd.Series(values, pd.Index(labels, tupleize_cols=False), dtype=np.float64)
        case (kind, values) if kind == _ARRAY:
            return np.array(values)
        case dict():
            return {key: _states_again(one) for key, one in value.items()}
    return value


def _factor(k: int, found: FactorFound, parts: _Parts) -> dict[str, Any]:
    """What is said of a grouping factor; its arrays and labels are put among the parts."""
    cross = found.cross
    said, labels = frame_as_bytes(pd.DataFrame({"group": cross.groups}))
    parts.rows.append(labels)
    named = {name: getattr(cross, name) for name in ("R", "T", "W", "rows")}
    named["weights"] = found.weights
    parts.arrays |= {f"factor{k}_{name}": array for name, array in named.items()}
    return {
        "name": as_plain(cross.groups.name),
        "labels": said,
        "alone": as_plain(found.alone),
        "columns": _ranges(f"factor{k}_columns", found.columns, parts),
        "parts": {name: _ranges(f"factor{k}_part{at}", one, parts)
                  for at, (name, one) in enumerate(found.parts.items())},
    }  # fmt: skip


def _ranges(place: str, found: Ranges, parts: _Parts) -> dict[str, Any]:
    parts.arrays |= {f"{place}_low": found.low, f"{place}_high": found.high}
    kept = {at: one for at, one in enumerate(found.within) if one is not None}
    parts.arrays |= {f"{place}_{at}": one for at, one in kept.items()}
    return {"place": place, "of": len(found.within), "kept": list(kept)}


def tally_again(contents: Contents, text: str) -> Tally:
    """The tally of these contents, whose rows are called ``text``.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError, IndexError
        When they are not those of a tally.
    """
    said, arrays = contents.manifest, contents.arrays
    columns = {
        name: LabelColumn(**one) if "levels" in one else NumberColumn(**one)
        for name, one in from_plain(said["columns"]).items()
    }
    ends = said["ends"]
    spans = tuple(slice(a, b) for a, b in zip([0, *ends[:-1]], ends, strict=True))
    made = Tally(
        from_plain(said["specification"]),
        columns,
        from_plain(said["terms"]),
        from_plain(said["effects"]),
        RandomColumns(from_plain(said["blocks"]), spans),
        _found(contents, _basis(said, arrays)),
        text,
        _states_again(from_plain(said["states"])) if "states" in said else {},
    )
    return _with_errors(made, contents) if ERRORS in said else made


def _with_errors(tally: Tally, contents: Contents) -> Tally:
    """With the moments of its residual structure."""
    spec, found = tally.specification, tally.found
    names, groups = factors_of_rows(spec), (one.cross.groups for one in found.factors)
    design = replace(tally.design, factors=tuple(map(GroupingFactor, names, groups)))
    rows = iter(contents.rows[len(found.factors) :])
    said, basis = contents.manifest[ERRORS], found.cross.basis
    moments = moments_again(said, contents.arrays, rows, spec.residual, design, basis)
    return replace(tally, moments=moments)


def _basis(said: Any, arrays: Any) -> Basis:
    x, z = (
        Standardisation(**{name: arrays[f"{where}_{name}"] for name in _COLUMNS})
        for where in ("x", "z")
    )
    named = {name: arrays[f"basis_{name}"] for name in _BASIS}
    return Basis(x, z, center=said["center"], scale=said["scale"], **named)


def _found(contents: Contents, basis: Basis) -> Pass:
    said, arrays = contents.manifest, contents.arrays
    factors = tuple(
        _factor_again(k, one, arrays, labels, basis)
        for k, (one, labels) in enumerate(zip(said["factors"], contents.rows, strict=False))
    )
    first, q = factors[0].cross, len(basis.z.shift)
    cross: Products = first
    if len(factors) > 1:
        levels = tuple(one.cross.levels[0] for one in factors)
        places = [(k, m) for k in range(len(factors)) for m in range(k + 1, len(factors))]
        pairs = tuple(
            PairProducts(*place, *(arrays[f"pair{at}_{name}"] for name in ("i", "j", "values")))
            for at, place in enumerate(places)
        )
        root = RowsRoot(arrays["root_of_rows"]) if "root_of_rows" in arrays else None
        cross = SparseProducts(levels, pairs, first.C, first.n, basis, root)
    return Pass(
        cross=cross,
        factors=factors,
        moments=Moments(*(arrays[f"moments_{one.name}"] for one in fields(Moments))),
        log_root_weights=said["log_root_weights"],
        two_valued=said["two_valued"],
        sample=(np.empty((0, first.p)), np.empty((0, q)), np.empty(0)),
        missing=from_plain(said["missing"]),
        dropped=said["dropped"],
    )


def _factor_again(k: int, said: Any, arrays: Any, labels: bytes, basis: Basis) -> FactorFound:
    R, T, W, rows, weights = (
        arrays[f"factor{k}_{name}"] for name in ("R", "T", "W", "rows", "weights")
    )
    frame = frame_of_bytes(said["labels"], labels)
    groups = pd.Index(frame["group"], name=from_plain(said["name"]), tupleize_cols=False)
    if not len(groups) == len(R) == len(T) == len(rows) == len(weights):
        raise ValueError("groups and their products are not of one number")
    return FactorFound(
        CrossProducts(R, T, W, rows, groups, basis),
        _ranges_again(said["columns"], arrays),
        from_plain(said["alone"]),
        {name: _ranges_again(one, arrays) for name, one in said["parts"].items()},
        weights,
    )


def _ranges_again(said: Any, arrays: Any) -> Ranges:
    place, kept = said["place"], set(said["kept"])
    within: list[Floats | None] = [
        arrays[f"{place}_{at}"] if at in kept else None for at in range(said["of"])
    ]
    return Ranges(arrays[f"{place}_low"], arrays[f"{place}_high"], tuple(within))
