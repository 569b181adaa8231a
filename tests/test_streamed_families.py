"""Families on rows that stream: rows that are alike are counted, and fits are those of all rows."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.design import distinct_rows
from hierbayes.design.streamed_rows import StreamedRows
from tests.pieces import Pieces, in_pieces

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bernoulli": ("b ~ x * kind + (1 + x | g)", {"family": "bernoulli"}),
    "labels": ("label ~ x + cvar(x, g) + (1 | g)", {"family": hb.families.Bernoulli("probit")}),
    "trials": ("k | trials(size) ~ x + (1 | g) + (1 | h)", {"family": "binomial"}),
    "failures": ("cbind(k, size - k) ~ x + (1 | g)", {"family": "binomial", "counts": "times"}),
    "poisson": (
        "c ~ scale(x) + kind + offset(log(size)) + (1 | g)",
        {"family": "poisson", "counts": "times"},
    ),
}


def made() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 600
    g, h, size = rng.integers(0, 8, n), rng.integers(0, 5, n), rng.integers(1, 4, n)
    x = rng.integers(-2, 3, n).astype(float)
    eta = 0.3 + 0.4 * x + 0.8 * rng.normal(size=8)[g] + 0.5 * rng.normal(size=5)[h]
    p = 1.0 / (1.0 + np.exp(-eta))
    frame = pd.DataFrame(
        {
            "x": x, "g": g, "h": np.array(list("edcba"))[h], "size": size,
            "kind": np.array(list("uv"))[rng.integers(0, 2, n)], "times": rng.integers(0, 3, n),
            "b": rng.binomial(1, p), "k": rng.binomial(size, p), "c": rng.poisson(np.exp(eta / 3)),
            "z": rng.normal(size=n),
        }
    )  # fmt: skip
    frame["label"] = np.where(frame["b"] == 1, "yes", "no")
    frame.loc[[3, 200], "x"] = np.nan
    return frame


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return made()


@pytest.mark.parametrize("name", MODELS)
def test_fits_are_those_of_all_rows(frame: pd.DataFrame, name: str) -> None:
    formula, words = MODELS[name]
    memory = hb.Model(formula, frame, **words)
    stream = hb.Model(formula, data=in_pieces(frame, 1), **words)
    assert str(stream) == str(memory)
    assert str(stream.priors) == str(memory.priors)
    of_stream, of_memory = (one.problem.design.columns for one in (stream, memory))
    assert tuple(of_stream.between_of) == tuple(of_memory.between_of)
    a, b = memory.ml(), stream.ml()
    assert b.loglik == pytest.approx(a.loglik, rel=1e-10)
    pd.testing.assert_series_equal(b.fixef(), a.fixef(), rtol=1e-6)
    pd.testing.assert_frame_equal(b.var_corr(), a.var_corr(), rtol=1e-6)
    assert str(a.summary()).startswith(str(b.summary()).rstrip())
    parts = pd.concat(list(hb.predict_parts(b))).sort_index()["predicted"]
    known = a.predict()  # a row as often as it counts
    known = known[~known.index.duplicated()]
    pd.testing.assert_series_equal(parts, known, rtol=1e-6)


def test_order_and_pieces_do_not_matter(frame: pd.DataFrame, tmp_path: Path) -> None:
    formula, words = MODELS["bernoulli"]
    frame.iloc[:250].to_parquet(tmp_path / "a.parquet")
    frame.iloc[250:].to_parquet(tmp_path / "b.parquet")
    known = hb.Model(formula, frame, **words).ml().loglik
    for data in (tmp_path, in_pieces(frame, 2), Pieces(frame, tuple(range(1, 60)))):
        stream = hb.Model(formula, data=data, **words)
        assert stream.ml().loglik == pytest.approx(known, rel=1e-10)


def test_rows_that_are_alike_are_kept_once(frame: pd.DataFrame) -> None:
    many = pd.concat([frame] * 50)
    rows = hb.Model("b ~ x + (1 | g)", data=in_pieces(many, 3), family="bernoulli").problem.design
    kinds = rows.rows.merged
    assert rows.n == 50 * 598
    assert len(kinds.y) == len(frame.dropna().groupby(["g", "x"]))
    assert kinds.m.sum() == rows.n
    assert kinds.y.sum() == 50 * frame.dropna()["b"].sum()


COMPUTED: dict[str, tuple[str, dict[str, Any]]] = {
    "logical": ("b ~ I(z > 0) * kind + (1 + I(z > 1) | g)", {"family": "bernoulli"}),
    "of labels": ("b ~ I(kind == 'u') + I(h == 'a') + (1 | g)", {"family": "bernoulli"}),
    "response and trials": ("I(z > 0) ~ x + (1 | g)", {"family": "bernoulli"}),
    "offset": ("c ~ I((z > 0) & (x > 0)) + offset(I(z > 0.5)) + (1 | g)", {"family": "poisson"}),
    "learnt beside it": ("b ~ I(z > 0) + cvar(z, h) + (1 | g)", {"family": "bernoulli"}),
}


@pytest.mark.parametrize("name", COMPUTED)
def test_rows_are_alike_by_what_is_computed_of_them(frame: pd.DataFrame, name: str) -> None:
    """z is another number in every row."""
    formula, words = COMPUTED[name]
    a, b = (hb.Model(formula, data=data, **words) for data in (frame, in_pieces(frame, 3)))
    assert str(b) == str(a)
    fits = [one.ml() for one in (a, b)]
    assert fits[1].loglik == pytest.approx(fits[0].loglik, rel=1e-10)
    pd.testing.assert_series_equal(fits[1].fixef(), fits[0].fixef(), rtol=1e-6, atol=1e-8)
    distinct = cast(StreamedRows, b.problem.design.rows).distinct
    assert distinct is not None
    many = name == "learnt beside it"
    assert (len(distinct) > 500) == many
    new = frame.dropna().head(6).assign(z=[-2.0, -0.1, 0.2, 0.7, 1.5, 3.0])
    np.testing.assert_allclose(fits[1].predict(new), fits[0].predict(new), rtol=1e-6)


def test_what_cannot_be_computed_of_a_row_is_refused_as_of_a_frame(frame: pd.DataFrame) -> None:
    formula, words = "b ~ log(z) + (1 | g)", {"family": "bernoulli"}
    for data in (frame, Pieces(frame, (100,))):
        assert "'log(z)' is missing or infinite in " in refusal(data, formula, **words)


def test_the_mode_is_that_of_all_rows(frame: pd.DataFrame) -> None:
    formula, words = MODELS["trials"]
    a, b = (hb.Model(formula, data=data, **words).map() for data in (frame, in_pieces(frame, 4)))
    pd.testing.assert_series_equal(b.fixef(), a.fixef(), atol=1e-4)


def test_flat_priors_are_asked_of_the_kinds_of_rows(frame: pd.DataFrame) -> None:
    flat = {"gamma": hb.Flat()}
    told = frame.assign(b=(frame["x"] > 0.0).astype(int))
    for data in (told, in_pieces(told, 4)):
        model = hb.Model("b ~ x + (1 | g)", data=data, family="bernoulli", priors=flat)
        with pytest.raises(hb.PriorError, match="kinds of rows have responses that are told"):
            model.sample(draws=10, chains=1, progress=False)


@pytest.mark.slow
def test_the_posterior_is_that_of_all_rows(frame: pd.DataFrame) -> None:
    formula, words = MODELS["poisson"]
    drawn = [
        hb.Model(formula, data=data, **words).sample(
            draws=200, tune=200, chains=1, seed=2, progress=False
        )
        for data in (frame, in_pieces(frame, 5))
    ]
    memory, stream = (np.asarray(one.draws("gamma")).reshape(-1, 3) for one in drawn)
    apart = np.abs(memory.mean(axis=0) - stream.mean(axis=0))
    assert (apart < 6.0 * memory.std(axis=0) / np.sqrt(50.0)).all()  # of 200 draws


# -------------------------------------------------------------------------------------- refusals


def refusal(data: object, formula: str, **words: Any) -> str:
    with pytest.raises((hb.DataError, hb.FormulaError)) as refused:
        hb.Model(formula, data=data, **words)
    return str(refused.value)


def test_too_many_distinct_rows_are_refused(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distinct_rows, "MOST_BYTES", 100_000)
    assert refusal(Pieces(frame, (300,)), "b ~ z + (1 | g)", family="bernoulli") == (
        "of the first 600 rows of the pieces 600 are distinct in the columns of the model, and "
        "take 0.0 GB of memory, of at most 0.0: a response that is not Gaussian streams where many "
        "rows are alike; round numbers or make classes of them, or give a frame as data"
    )
    fit = hb.Model("b ~ x + (1 | g)", data=Pieces(frame, (300,)), family="bernoulli").ml()
    assert fit.design.n == 598


def test_families_whose_rows_do_not_add_up_are_refused(frame: pd.DataFrame) -> None:
    pieces = Pieces(frame, (300,))
    said = refusal(pieces, "c ~ x + (1 | g)", family="negativebinomial")
    assert said.startswith("the family NegativeBinomial")
    assert "needs the rows in memory, and those of the pieces stream" in said
    assert refusal(pieces.__class__(frame.iloc[:0], ()), "b ~ x + (1 | g)", family="bernoulli") == (
        "the data are empty: there are no rows in the pieces"
    )
    assert refusal(
        Pieces(frame.assign(x=np.nan), (5,)), "b ~ x + (1 | g)", family="bernoulli"
    ).startswith("no row is complete: 'x' is missing in 600 of 600 rows")
    assert "is constant (1)" in refusal(
        Pieces(frame.assign(b=1), (5,)), "b ~ x + (1 | g)", family="bernoulli"
    )
    assert "row 400 has -1" in refusal(
        Pieces(frame.assign(c=np.where(frame.index == 400, -1, 1)), (5,)), "c ~ x + (1 | g)",
        family="poisson",
    )  # fmt: skip


def test_offsets_and_the_first_rows_are_those_of_the_source(frame: pd.DataFrame) -> None:
    formula, words = MODELS["poisson"]
    model = hb.Model(formula, data=in_pieces(frame, 6), **words)
    assert set(model.data.columns) == {"c", "x", "kind", "size", "g"}
    with pytest.raises(hb.DataError, match="needs the rows in memory"):
        _ = model.problem.design.rows.offset


def test_what_needs_every_row_is_refused(frame: pd.DataFrame) -> None:
    fit = hb.Model("b ~ x + (1 | g)", data=Pieces(frame, (300,)), family="bernoulli").ml()
    for asked in (fit.residuals, fit.simulate, lambda: hb.influence(fit), lambda: hb.logo(fit)):
        with pytest.raises(hb.DataError, match="stream"):
            asked()
