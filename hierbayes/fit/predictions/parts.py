"""Predictions and residuals of rows that stream, a part at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from hierbayes.design.batch_columns import needed_names
from hierbayes.design.counted_rows import RowReader
from hierbayes.design.matrices import columns_needed, one_column
from hierbayes.design.row_weights import refuse_bad_weights, root_weights_of
from hierbayes.errors import DataError, FormulaError, HierbayesError
from hierbayes.fit.predictions.responses import FittedResponses
from hierbayes.frames.arrays import Floats
from hierbayes.sources.opened import opened
from hierbayes.sources.source import Batch, Source
from hierbayes.specification.expression import functions_in
from hierbayes.specification.expression_reader import read_expression
from hierbayes.specification.formula import Specification
from hierbayes.specification.known_functions import CONTEXTUAL, STATEFUL
from hierbayes.specification.terms import factors_of, is_number


def predict_parts(
    fit: FittedResponses,
    data: Any = None,
    *,
    effects: str | Sequence[str] = "all",
    new_groups: str = "refuse",
    scale: str = "response",
    prob: float | None = None,
    uncertainty: str | None = None,
    seed: int | None = None,
) -> Iterator[pd.DataFrame]:
    """Predictions of rows that stream, and residuals of a Gaussian response, a frame at a time.

    Parameters
    ----------
    fit : PointFit or PosteriorFit
        Of rows in memory, or that stream.
    data : file, folder, pattern or other source of rows, optional
        As in `Model`; by default the rows that a fit has streamed, which are read once more.
    effects, new_groups, scale, prob, uncertainty, seed
        As in ``fit.predict``.

    Yields
    ------
    DataFrame
        Up to some hundred thousand rows, whose index numbers the rows of the source:
        ``predicted``, with ``prob`` also ``se``, ``lower`` and ``upper``; and where there is a
        Gaussian response ``observed``, ``residual``, and ``pearson``, the residual over the sd of
        its error.
        Rows that the fit left out are left out.

    Raises
    ------
    DataError
        When rows cannot be read or predicted, naming the file or the part; or when the rows of the
        fit are not at hand.

    Examples
    --------
    >>> import hierbayes as hb
    >>> from tempfile import TemporaryDirectory
    >>> hs = hb.load_dataset("hs")
    >>> with TemporaryDirectory() as folder:
    ...     hs.to_parquet(f"{folder}/rows.parquet")
    ...     fit = hb.Model("mathach ~ ses + (1 | school)", data=folder).reml()
    ...     parts = [part["residual"].abs().max() for part in hb.predict_parts(fit)]
    >>> print(f"{max(parts):.3f}")
    19.047
    """
    words: dict[str, Any] = {"effects": effects, "new_groups": new_groups, "scale": scale}
    if prob is not None:
        words |= {"prob": prob, "uncertainty": uncertainty, "seed": fit.seed_or_new(seed)}
    spec = fit.design.specification
    reader: RowReader | None = None
    if data is None:
        at_hand = fit.design.rows.source_at_hand
        source: Source = at_hand.source
        reader = RowReader(spec, needed_names(spec), at_hand.counts)
    else:
        source = _opened(data)
        _refuse_new_means(spec, new_groups)
    return _parts(fit, source, reader, words)


def _parts(
    fit: FittedResponses, source: Source, reader: RowReader | None, words: dict[str, Any]
) -> Iterator[pd.DataFrame]:
    spec = fit.design.specification
    names = _names(spec, source) if reader is None else reader.columns
    labels = [name for name in spec.group_columns if name in names]
    for batch in source.batches(names, labels):
        frame = batch.frame if reader is None else reader.of(batch).frame
        if len(frame):
            yield _predicted(fit, Batch(frame, batch.place), words)


def _predicted(fit: FittedResponses, batch: Batch, words: dict[str, Any]) -> pd.DataFrame:
    """The predictions of a batch, with residuals where its response is there."""
    try:
        found = fit.predict(batch.frame, **words)
        table = found.to_frame() if isinstance(found, pd.Series) else found
        if fit.problem.family is None and _has_response(fit.design.specification, batch.frame):
            table = table.assign(**_residuals(fit, batch.frame, table["predicted"].to_numpy()))
    except HierbayesError as error:
        raise type(error)(f"{batch.place}: {error}") from error
    return table


def _residuals(fit: FittedResponses, frame: pd.DataFrame, mean: Floats) -> dict[str, Floats]:
    spec = fit.design.specification
    observed = one_column(spec.response, frame, spec.functions, "response")
    refuse_bad_weights(spec, frame)
    root = root_weights_of(spec, frame)
    pearson = (observed - mean) / fit.sigma
    moments = fit.problem.moments
    if moments is not None:
        z = fit.error_coordinates.mean(axis=(0, 1))
        pearson = pearson / moments.rows.row_sd_of(frame, z)
    return {
        "observed": observed,
        "residual": observed - mean,
        "pearson": pearson if root is None else pearson * root,
    }


def _has_response(spec: Specification, frame: pd.DataFrame) -> bool:
    of_rows = [*columns_needed((spec.response,)), *filter(None, [spec.weights, spec.known_sd])]
    of_errors = () if spec.residual is None else spec.residual.columns
    return {*of_rows, *of_errors} <= set(frame.columns)


def _names(spec: Specification, source: Source) -> list[str]:
    """Columns of new rows that are read: those that predictions need, and the response."""
    return [name for name in needed_names(spec) if name in source.columns]


def _opened(data: Any) -> Source:
    source = opened(data)
    if isinstance(source, Source):
        return source
    raise DataError("predict_parts takes rows that stream; those of a frame are fit.predict(frame)")


def _refuse_new_means(spec: Specification, new_groups: str) -> None:
    """Refuse means of groups that the fit has not seen, whose rows may be in several parts."""
    terms = (*spec.fixed, *(term for block in spec.random_effects for term in block))
    factors = {f for term in terms for f in factors_of(term) if not is_number(f)}
    learnt = {name for text in factors for name in functions_in(read_expression(text))}
    if new_groups != "refuse" and learnt & CONTEXTUAL.keys():
        raise FormulaError(
            "means of groups that the fit has not seen need all their rows, and these come in "
            "parts: compute them beforehand as a column of the model, or predict a frame"
        )
    for text in spec.offsets:
        if set(functions_in(read_expression(text))) & STATEFUL.keys():
            raise FormulaError(
                f"the offset '{text}' is made of all rows at once, and these come in parts: "
                "compute it beforehand as a column, or predict a frame"
            )
