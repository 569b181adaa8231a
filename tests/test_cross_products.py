"""Cross-products as a value: merged and saved, with the fits of the rows; refusals."""

import json
import zipfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from tests.test_streams import FORMULA, made

LEVELS = {"kind": ["late", "odd", "plain"]}


def parts_of(
    frame: pd.DataFrame, formula: str, cuts: Sequence[int], **words: Any
) -> list[hb.CrossProducts]:
    ends = [0, *cuts, len(frame)]
    rows = [frame.iloc[a:b] for a, b in pairwise(ends)]
    return [hb.CrossProducts(formula, one, **words) for one in rows]


def assert_same_fits(model: hb.Model, other: hb.Model, rtol: float = 1e-10) -> None:
    for fit, expected in ((model.reml(), other.reml()), (model.ml(), other.ml())):
        assert fit.loglik == pytest.approx(expected.loglik, rel=rtol)
        assert fit.sigma == pytest.approx(expected.sigma, rel=rtol)
        pd.testing.assert_series_equal(fit.fixef(), expected.fixef(), rtol=rtol)
    mine, theirs = model.reml().ranef(), other.reml().ranef()
    for one in theirs if isinstance(theirs, dict) else [None]:
        a, b = (mine, theirs) if one is None else (mine[one], theirs[one])
        pd.testing.assert_frame_equal(a, b, rtol=1e-6, atol=1e-8)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return made(n=900, J=12).assign(h=np.arange(900) % 7, n=1.0 + np.arange(900) % 3)


@pytest.fixture(scope="module")
def whole(frame: pd.DataFrame) -> hb.CrossProducts:
    first, *others = parts_of(frame, FORMULA, (300, 700))
    return first.merge(*others)


# ------------------------------------------------------------------------------------ merging


@pytest.mark.parametrize("order", ["x", "w", "g", "kind"])
def test_parts_in_any_order_have_the_fits_of_all_rows(frame: pd.DataFrame, order: str) -> None:
    """One of the parts is a row, and means and spreads of others are far apart."""
    frame = frame.dropna().sort_values(order, kind="stable")
    first, *others = parts_of(frame, FORMULA, (1, 3, 400, 700), levels=LEVELS)
    assert_same_fits(
        hb.Model(FORMULA, others[0].merge(first, *others[1:])), hb.Model(FORMULA, frame)
    )


@pytest.mark.parametrize("order", ["x", "g"])
def test_numbers_near_a_million_keep_their_digits(order: str) -> None:
    formula = "y ~ x + w + (1 + x | g)"
    frame = made(1e6, n=900, J=12).sort_values(order)
    first, *others = parts_of(frame, formula, (1, 2, 300, 700))
    assert_same_fits(hb.Model(formula, first.merge(*others)), hb.Model(formula, frame))


def test_small_residuals_keep_their_digits() -> None:
    frame = made(n=600, J=10)
    rng = np.random.default_rng(5)
    frame["y"] = frame["x"].fillna(0.0) + rng.normal(size=10)[frame["g"]]
    frame["y"] += 1e-7 * rng.normal(size=len(frame))
    first, *others = parts_of(frame, "y ~ x + (1 | g)", (200, 400))
    fit = hb.Model("y ~ x + (1 | g)", first.merge(*others)).reml()
    expected = hb.Model("y ~ x + (1 | g)", frame).reml()
    assert fit.sigma == pytest.approx(expected.sigma, rel=1e-8)
    assert fit.loglik == pytest.approx(expected.loglik, rel=1e-9)


@pytest.mark.parametrize("seed", [1, 2])
def test_merging_is_commutative_and_associative(frame: pd.DataFrame, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cuts = sorted(rng.choice(np.arange(1, 900), 3, replace=False).tolist())
    a, b, c, d = parts_of(frame.sample(frac=1.0, random_state=seed), FORMULA, cuts, levels=LEVELS)
    fits = [hb.Model(FORMULA, one).reml() for one in ((a + b) + (c + d), d + (b + (a + c)))]
    assert fits[0].loglik == pytest.approx(fits[1].loglik, rel=1e-12)
    assert fits[0].ranef().index.tolist() == sorted(frame["g"].unique())


def test_sum_begins_with_nothing(frame: pd.DataFrame) -> None:
    parts = [hb.CrossProducts(FORMULA, frame, levels=LEVELS) for _ in range(2)]
    assert str(sum(parts)) == str(parts[0] + parts[1])
    with pytest.raises(TypeError):
        _ = 1 + parts[0]


def test_weights_offsets_and_two_factors_add_up(frame: pd.DataFrame) -> None:
    formula = "y ~ x + offset(w) + (1 + x | g) + (1 | h)"
    first, second = parts_of(frame, formula, (500,), weights="n")
    memory = hb.Model(formula, frame, weights="n")
    assert_same_fits(hb.Model(formula, first + second), memory, rtol=1e-8)
    assert "random effects: Intercept|g, x|g, Intercept|h" in repr(first)


def test_what_is_constant_within_groups_is_known_of_all_rows(frame: pd.DataFrame) -> None:
    """A column that is so in each part, and not in both together."""
    frame = frame.assign(v=np.where(np.arange(900) < 450, 1.0, frame["w"]))
    formula = "y ~ v + w + (1 | g)"
    first, second = parts_of(frame, formula, (450,))
    (between,) = hb.Model(formula, first + second).problem.design.columns.between_of
    assert between == {"w"}
    (memory,) = hb.Model(formula, frame).problem.design.columns.between_of
    assert between == memory


def test_what_is_said_is_that_of_the_rows(frame: pd.DataFrame, whole: hb.CrossProducts) -> None:
    memory, model = hb.Model(FORMULA, frame), hb.Model(FORMULA, data=whole)
    assert str(model) == str(memory)
    assert str(model.equations()) == str(memory.equations())
    assert str(model.meanings()) == str(memory.meanings())
    assert whole.n == 898
    assert whole.groups[0].sum() == 898
    assert str(whole).splitlines()[1] == "  898 rows in 12 groups of 'g'; 2 rows dropped"


def test_a_posterior_needs_no_rows(frame: pd.DataFrame, whole: hb.CrossProducts) -> None:
    words: Any = dict(draws=200, chains=1, sampler="importance", seed=4, progress=False)
    drawn = [hb.Model(FORMULA, data).sample(**words).draws("sigma") for data in (whole, frame)]
    a, b = (one.to_numpy() for one in drawn)
    np.testing.assert_allclose(a, b, rtol=1e-4)  # numerical second derivatives differ


def test_a_model_of_a_frame_and_other_products_give_the_design(frame: pd.DataFrame) -> None:
    ordered = frame.assign(kind=pd.Categorical(frame["kind"], ["plain", "odd", "late"]))
    model = hb.Model(FORMULA, ordered)
    whole = hb.CrossProducts(model)
    assert whole.levels["kind"].tolist() == ["plain", "odd", "late"]
    assert_same_fits(hb.Model(FORMULA, whole), model)
    plain = frame[frame["kind"] == "plain"]
    for design in (model, whole):
        assert hb.CrossProducts(design, plain).levels["kind"].tolist() == ["plain", "odd", "late"]


# -------------------------------------------------------------------------------------- files


def test_files_hold_them_whole(tmp_path: Path, frame: pd.DataFrame) -> None:
    formula = "y ~ x * kind + (1 + x | g) + (1 | h)"
    for k, one in enumerate(parts_of(frame, formula, (450,), weights="n")):
        one.save(tmp_path / f"{k}.products")
    first, second = (hb.CrossProducts.load(tmp_path / f"{k}.products") for k in range(2))
    direct = hb.CrossProducts(formula, frame, weights="n")
    again = hb.Model(formula, first + second).reml()
    assert again.loglik == pytest.approx(hb.Model(formula, direct).reml().loglik, rel=1e-12)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["0.products", "1.products"]
    first.save(tmp_path / "1.products")  # an earlier one is replaced
    assert hb.CrossProducts.load(tmp_path / "1.products").n == first.n


def test_no_row_is_in_the_file(
    tmp_path: Path, whole: hb.CrossProducts, frame: pd.DataFrame
) -> None:
    """Nothing is as long as the rows, and the columns are known by their extremes."""
    whole.save(tmp_path / "school.products")
    with zipfile.ZipFile(tmp_path / "school.products") as archive:
        manifest = json.loads(archive.read("manifest.json"))
        arrays = [name for name in archive.namelist() if name.endswith(".npy")]
        sizes = [max(np.load(archive.open(name)).shape, default=1) for name in arrays]
    assert max(sizes) <= 12
    assert "frames" not in manifest


def refusal(run: Any) -> str:
    with pytest.raises(hb.HierbayesError) as refused:
        run()
    return str(refused.value)


def test_files_that_are_no_cross_products_are_refused(
    tmp_path: Path, whole: hb.CrossProducts, frame: pd.DataFrame
) -> None:
    path, fit = tmp_path / "school.products", tmp_path / "school.fit"
    whole.save(path)
    hb.Model("y ~ x + (1 | g)", frame).reml().save(fit)
    for foreign in (fit, Path(__file__)):
        assert refusal(lambda place=foreign: hb.CrossProducts.load(place)) == (
            f"'{foreign}' is not a file of cross-products that hierbayes saved"
        )
    assert refusal(lambda: whole.save(fit)).startswith(
        f"cannot save the cross-products as '{fit}': this file is there and is no file of "
    )
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert refusal(lambda: hb.CrossProducts.load(path)) == (
        f"'{path}' is cut short or damaged: its end is missing; copy or save it again"
    )
    newer = tmp_path / "newer.products"
    with zipfile.ZipFile(newer, "w") as archive:
        manifest = {"what": "cross-products of hierbayes", "format": 99}
        archive.writestr("manifest.json", json.dumps(manifest))
    assert "is of format 99, written by hierbayes a newer version" in refusal(
        lambda: hb.CrossProducts.load(newer)
    )
    assert refusal(lambda: hb.CrossProducts.load(tmp_path / "none")) == (
        f"there is no file '{tmp_path / 'none'}'"
    )


# ---------------------------------------------------------------------------------- refusals


def test_other_designs_are_refused_by_what_differs(frame: pd.DataFrame) -> None:
    one = hb.CrossProducts(FORMULA, frame)
    plain = hb.CrossProducts(FORMULA, frame[frame["kind"] != "late"])
    assert refusal(lambda: plain + one) == (
        "'kind' has the level 'late' in the second and not in the first, so that their columns "
        "differ; make both with all levels, as in levels={'kind': [...]}"
    )
    turned = hb.CrossProducts(FORMULA, frame, levels={"kind": ["plain", "late", "odd"]})
    assert refusal(lambda: one + turned) == (
        "the levels of 'kind' are in the order 'late', 'odd', 'plain' in the first and 'plain', "
        "'late', 'odd' in the second, so that they are coded by other columns; state one order for "
        "both, as in levels={'kind': [...]}"
    )
    other = hb.CrossProducts("y ~ x + (1 | g)", frame)
    assert refusal(lambda: one + other).startswith(f"cross-products of '{one.formula}' (the first)")
    whether = hb.CrossProducts("y ~ x + (1 | g)", frame.dropna().assign(x=lambda f: f["x"] > 0.0))
    assert refusal(lambda: whether + other) == (
        "'x' is truth values in the first and a number in the second; make it the same everywhere"
    )
    texts = hb.CrossProducts("y ~ x + (1 | g)", frame.assign(g=frame["g"].astype(str)))
    assert refusal(lambda: other + texts).startswith(
        "the group column 'g' holds labels of type string in the frame and of type number before"
    )
    assert refusal(lambda: hb.Model("y ~ w + (1 | g)", other)) == (
        "the cross-products are of 'y ~ 1 + x + (1 | g)', and the model is 'y ~ 1 + w + (1 | g)': "
        "make them with its formula"
    )


def test_arguments_are_refused_by_name(frame: pd.DataFrame, whole: hb.CrossProducts) -> None:
    assert refusal(lambda: hb.CrossProducts(FORMULA, frame, levels={"x": [1]})) == (
        "levels= names 'x', and the columns of labels of this model are: kind"
    )
    assert "which is none of its levels 'late', 'odd'" in refusal(
        lambda: hb.CrossProducts(FORMULA, frame, levels={"kind": ["late", "odd"]})
    )
    assert refusal(lambda: hb.Model(FORMULA, whole, weights="n")) == (
        "weights= is said where cross-products are made, as in hb.CrossProducts(formula, rows, "
        "weights=...); leave it out"
    )
    assert refusal(lambda: hb.Model(FORMULA, whole, family="poisson")) == (
        "a family of responses needs the rows, and cross-products are of Gaussian responses"
    )
    assert refusal(lambda: hb.Model(FORMULA, whole).reml().residuals()).startswith(
        "the rows of this fit stream, and are not in memory together"
    )
    assert refusal(lambda: hb.CrossProducts(FORMULA)).startswith("there are no data; give them")


LEARNT = {
    "means of groups": "y ~ dvar(x, g) + cvar(x, g) + (1 + dvar(x, g) | g)",
    "scale": "y ~ scale(x) * kind + (1 | g)",
    "polynomials": "y ~ poly(x, 2) + (1 | g)",
    "splines": "y ~ bs(x, knots=[-0.5, 0.5]) + (1 | g)",
}


@pytest.mark.parametrize("name", LEARNT)
def test_files_hold_what_was_learnt_of_all_rows(
    tmp_path: Path, frame: pd.DataFrame, name: str
) -> None:
    formula = LEARNT[name]
    hb.CrossProducts(formula, frame).save(tmp_path / "all.products")
    read = hb.CrossProducts.load(tmp_path / "all.products")
    again, memory = hb.Model(formula, data=read), hb.Model(formula, frame)
    assert str(again) == str(memory)
    assert_same_fits(again, memory)
    rows = frame.dropna().head(5)
    np.testing.assert_allclose(again.reml().predict(rows), memory.reml().predict(rows), rtol=1e-7)
    assert (read + read).n == 2 * read.n
    said = refusal(lambda: read + hb.CrossProducts(formula, frame.head(500)))
    assert "' is made of all rows at once, and was learnt of others in " in said
    assert said.endswith(": compute it beforehand as a column")


def test_equations_are_checked_on_all_rows(frame: pd.DataFrame) -> None:
    words: dict[str, Any] = dict(within="y ~ 1 + x", group="g", random=["1", "x"])
    equations = hb.Multilevel(between={"1": "1 + w", "x": "1 + w"}, **words)
    halves = [hb.CrossProducts(equations, rows) for rows in (frame[:400], frame[400:])]
    whole = halves[0].merge(halves[1])
    model = hb.Model(equations, whole)
    assert_same_fits(model, hb.Model(equations, frame))
    assert str(model.multilevel()) == str(hb.Model(equations, frame).multilevel())
    varying = hb.Multilevel(between={"1": "1 + x", "x": "1"}, **words)
    told = "'x' stands in the between equation of '1' but varies within groups of 'g'"
    assert refusal(lambda: hb.Model(varying, hb.CrossProducts(varying, frame))).startswith(told)


def test_regressions_add_up(frame: pd.DataFrame) -> None:
    parts = parts_of(frame, "y ~ x + kind", (250, 600), levels=LEVELS)
    whole = parts[2].merge(*parts[:2])
    merged = hb.Model("y ~ x + kind", whole).reml()
    memory = hb.Model("y ~ x + kind", frame).reml()
    assert merged.loglik == pytest.approx(memory.loglik, rel=1e-12)
    pd.testing.assert_series_equal(merged.fixef(), memory.fixef(), rtol=1e-10)


def test_rows_that_cannot_carry_the_model_add_up_to_rows_that_can(frame: pd.DataFrame) -> None:
    """Each part has one group; the model of one of them is refused as that of its rows is."""
    parts = [hb.CrossProducts("y ~ x + w + (1 | g)", rows) for _, rows in frame.groupby("g")]
    assert "has one group" in refusal(lambda: hb.Model(parts[0].formula, parts[0]))
    whole = parts[0].merge(*parts[1:])
    assert_same_fits(hb.Model(whole.formula, whole), hb.Model(whole.formula, frame))


@pytest.mark.parametrize("texts", [False, True])
def test_groups_of_a_combination_stand_in_the_order_of_the_frame(texts: bool) -> None:
    rng = np.random.default_rng(1)
    n = 400
    frame = pd.DataFrame({"s": rng.integers(1, 13, n), "c": rng.integers(8, 12, n)})
    frame["y"] = rng.normal(size=13)[frame["s"]] + rng.normal(size=n)
    if texts:
        frame["c"] = frame["c"].astype(str)
    formula = "y ~ 1 + (1 | s/c)"
    halves = (hb.CrossProducts(formula, data=frame[k::2]) for k in range(2))
    merged = hb.Model(formula, data=sum(halves, start=hb.CrossProducts(formula, data=frame[:40])))
    one = hb.Model(formula, pd.concat([frame, frame[:40]]))
    assert merged.reml().ranef("s:c").index.equals(one.reml().ranef("s:c").index)
