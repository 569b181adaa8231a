"""Rows that stream from files: the same design, cross-products and fits as in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dask.dataframe import from_pandas

import hierbayes as hb
from hierbayes.cli import main
from hierbayes.report.page.shrinkage_data import shrinkage_data
from hierbayes.sources.source import Batch
from tests.pieces import Pieces

FORMULA = "y ~ x * w + kind + (1 + x | g)"


def made(center: float = 0.0, n: int = 3000, J: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    g = rng.integers(0, J, n)
    x, w = rng.normal(center, 1.0, n), rng.normal(center, 1.0, J)[g]
    u = rng.normal(size=(J, 2)) @ np.array([[1.0, 0.3], [0.0, 0.5]])
    kind = np.array(["plain", "late", "odd"])[rng.integers(0, 3, n)]
    y = 2.0 + 0.5 * (x - center) + 0.2 * (w - center) + (kind == "odd") * 0.4
    y = y + u[g, 0] + u[g, 1] * (x - center) + rng.normal(size=n)
    frame = pd.DataFrame({"y": y, "x": x, "w": w, "kind": kind, "g": g})
    frame.loc[[7, n // 2], "x"] = np.nan
    return frame


def user_products(model: hb.Model) -> tuple[np.ndarray, ...]:
    """Z'Z by group, and [X y]'[X y] centred, in the user's units."""
    cross = model.problem.cross
    basis = cross.basis
    to_z, to_x = np.linalg.inv(basis.z.matrix), np.linalg.inv(basis.x.matrix)
    return to_z.T @ cross.A @ to_z, cross.rows, to_x.T @ cross.C[:-1, :-1] @ to_x


def write_parts(frame: pd.DataFrame, folder: Path, parts: int = 4) -> Path:
    for k, rows in enumerate(np.array_split(np.arange(len(frame)), parts)):
        frame.iloc[rows].to_parquet(folder / f"part{k}.parquet", index=False)
    return folder


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return made()


@pytest.fixture(scope="module")
def folder(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A level of ``kind`` and half of the groups are in the last files only."""
    late = frame["kind"].eq("late") | frame["g"].lt(20)
    ordered = pd.concat([frame[~late], frame[late]])
    return write_parts(ordered, tmp_path_factory.mktemp("stream"))


@pytest.fixture(scope="module")
def both(frame: pd.DataFrame, folder: Path) -> tuple[hb.PointFit, hb.PointFit]:
    return hb.Model(FORMULA, frame).reml(), hb.Model(FORMULA, data=folder).reml()


def test_fits_are_those_of_the_frame(both: tuple[hb.PointFit, hb.PointFit]) -> None:
    memory, stream = both
    assert stream.loglik == pytest.approx(memory.loglik, rel=1e-12)
    pd.testing.assert_series_equal(stream.fixef(), memory.fixef(), rtol=1e-9)
    for name in ("ranef", "coef", "blue", "var_corr", "intervals"):
        pd.testing.assert_frame_equal(
            getattr(stream, name)(), getattr(memory, name)(), rtol=1e-6, atol=1e-9
        )
    assert stream.icc().iloc[0] == pytest.approx(memory.icc().iloc[0], rel=1e-9)


def test_pages_say_the_same_but_for_residuals(both: tuple[hb.PointFit, hb.PointFit]) -> None:
    memory, stream = (str(one.summary()) for one in both)
    assert memory.startswith(stream.rstrip())
    assert "residuals" in memory.removeprefix(stream.rstrip())
    model = both[1]
    assert "3000" not in str(model.summary()).split("Random effects")[0]


def test_what_is_said_of_the_design_is_the_same(frame: pd.DataFrame, folder: Path) -> None:
    memory, stream = hb.Model(FORMULA, frame), hb.Model(FORMULA, data=folder / "*.parquet")
    assert str(stream) == str(memory)
    assert str(stream.equations()) == str(memory.equations())
    assert str(stream.meanings()) == str(memory.meanings())
    of_stream, of_memory = (one.problem.design.columns for one in (stream, memory))
    assert tuple(of_stream.between_of) == tuple(of_memory.between_of)


@pytest.mark.parametrize("center", [0.0, 1e6])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_chunks_and_order_do_not_matter(center: float, seed: int) -> None:
    frame = made(center, n=900, J=12)
    rng = np.random.default_rng(seed)
    cuts = tuple(sorted(rng.integers(1, 900, rng.integers(0, 30)).tolist()))
    formula = FORMULA if center == 0.0 else "y ~ x + w + kind + (1 + x | g)"
    memory = hb.Model(formula, frame)
    shuffled = frame.sample(frac=1.0, random_state=seed)
    if seed == 3:
        shuffled = frame.sort_values(["g", "x"])
    stream = hb.Model(formula, data=Pieces(shuffled, cuts))
    for mine, theirs in zip(user_products(stream), user_products(memory), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-10 * np.abs(theirs).max())
    assert stream.reml().loglik == pytest.approx(memory.reml().loglik, rel=1e-10)


def test_one_row_a_batch_is_enough() -> None:
    frame = made(n=60, J=5)
    stream = hb.Model("y ~ x + (1 | g)", data=Pieces(frame, tuple(range(1, 60))))
    memory = hb.Model("y ~ x + (1 | g)", frame)
    assert stream.ml().loglik == pytest.approx(memory.ml().loglik, rel=1e-11)


@pytest.mark.parametrize("small", [1e-4, 1e-7])
def test_small_residuals_keep_their_digits(small: float) -> None:
    frame = made(n=600, J=10)
    rng = np.random.default_rng(5)
    frame["y"] = frame["x"].fillna(0.0) + rng.normal(size=10)[frame["g"]]
    frame["y"] += small * rng.normal(size=len(frame))
    memory = hb.Model("y ~ x + (1 | g)", frame).reml()
    stream = hb.Model("y ~ x + (1 | g)", data=Pieces(frame, (100, 350))).reml()
    assert stream.sigma == pytest.approx(memory.sigma, rel=1e-8)
    assert stream.loglik == pytest.approx(memory.loglik, rel=1e-9)


def test_files_of_every_format_are_the_same(frame: pd.DataFrame, tmp_path: Path) -> None:
    formula = "y ~ x + kind + (1 | g)"
    expected = hb.Model(formula, frame).reml().loglik
    frame.to_csv(tmp_path / "rows.csv", index=False)
    frame.to_csv(tmp_path / "rows.tsv", index=False, sep="\t")
    frame.to_feather(tmp_path / "rows.feather")
    for name in ("rows.csv", "rows.tsv", "rows.feather"):
        fit = hb.Model(formula, data=tmp_path / name).reml()
        assert fit.loglik == pytest.approx(expected, rel=1e-12)


def test_arrow_tables_are_frames_and_arrow_streams_are_read(frame: pd.DataFrame) -> None:
    table = pa.Table.from_pandas(frame)
    memory = hb.Model("y ~ x + (1 | g)", table).reml()
    assert len(memory.residuals()) == 2998

    class Relation:
        def __arrow_c_stream__(self, requested: object = None) -> object:
            return table.__arrow_c_stream__(requested)

    stream = hb.Model("y ~ x + (1 | g)", Relation()).reml()
    assert stream.loglik == pytest.approx(memory.loglik, rel=1e-12)


def test_labels_of_groups_are_sorted_and_may_be_texts(frame: pd.DataFrame) -> None:
    texts = frame.assign(g=frame["g"].map("g{:02d}".format))
    stream = hb.Model("y ~ x + (1 | g)", data=Pieces(texts, (500, 501)))
    assert stream.problem.design.groups.tolist() == sorted(texts["g"].unique())
    assert stream.reml().ranef().index.tolist() == sorted(texts["g"].unique())


@pytest.mark.parametrize("form", ["files", "pieces", "partitions"])
def test_categories_keep_the_order_that_they_state(form: str, tmp_path: Path) -> None:
    frame = made(n=300, J=6).drop(columns="g").assign(g=np.arange(300) % 6)
    frame["kind"] = pd.Categorical(frame["kind"], ["unused", "odd", "plain", "late"])
    frame["step"] = pd.Categorical(np.arange(300) % 3, [2, 0, 1])
    formula = "y ~ x + kind + (1 | g)" if form == "files" else "y ~ x + kind + step + (1 | g)"
    if form == "files":
        data: Any = write_parts(frame, tmp_path)
    else:
        data = Pieces(frame, (50, 120)) if form == "pieces" else from_pandas(frame, npartitions=3)
    memory, stream = hb.Model(formula, frame).reml(), hb.Model(formula, data=data).reml()
    pd.testing.assert_series_equal(stream.fixef(), memory.fixef(), rtol=1e-9)
    assert stream.fixef().index[2] == "kind[T.plain]"
    stream.save(tmp_path / "a.fit")
    again = hb.load_fit(tmp_path / "a.fit")
    assert isinstance(again, hb.PointFit)
    pd.testing.assert_series_equal(again.fixef(), stream.fixef())


def test_categories_in_several_orders_are_sorted() -> None:
    frame = made(n=200, J=5)
    frame["kind"] = pd.Categorical(frame["kind"], ["plain", "odd", "late"])

    class Trimmed(Pieces):
        def batches(self, names: Sequence[str], labels: Sequence[str] = ()) -> Iterator[Batch]:
            for k, batch in enumerate(super().batches(names, labels)):
                own = ["odd", "late", "plain"] if k else ["plain", "odd", "late"]
                kind = batch.frame["kind"].cat.reorder_categories(own)
                yield replace(batch, frame=batch.frame.assign(kind=kind))

    model = hb.Model("y ~ kind + (1 | g)", data=Trimmed(frame, (100,)))
    assert model.problem.design.columns.terms == ("Intercept", "kind[T.odd]", "kind[T.plain]")


def test_numbers_that_are_labels_are_coded(frame: pd.DataFrame) -> None:
    coded = frame.assign(year=frame.index // 1000 + 2000)
    formula = "y ~ C(year) + log(x**2 + 1) + (1 | g)"
    memory = hb.Model(formula, coded).reml()
    stream = hb.Model(formula, data=Pieces(coded, (1000, 2000))).reml()
    pd.testing.assert_series_equal(stream.fixef(), memory.fixef(), rtol=1e-9)


def test_the_posterior_is_that_of_the_frame(folder: Path, frame: pd.DataFrame) -> None:
    drawn = [
        hb.Model("y ~ x + (1 | g)", data=data).sample(
            draws=200, chains=1, sampler="importance", seed=4, progress=False
        )
        for data in (folder, frame)
    ]
    a, b = (one.draws("sigma").to_numpy() for one in drawn)
    np.testing.assert_allclose(a, b, rtol=1e-4)  # numerical second derivatives differ


# -------------------------------------------------------------------------------------- refusals


def refusal(frame: object, formula: str = FORMULA, **words: Any) -> str:
    with pytest.raises((hb.DataError, hb.FormulaError)) as refused:
        hb.Model(formula, data=frame, **words)
    return str(refused.value)


def test_rows_are_refused_where_they_are_asked_for(both: tuple[hb.PointFit, hb.PointFit]) -> None:
    with pytest.raises(hb.DataError) as refused:
        both[1].residuals()
    assert str(refused.value) == (
        "the rows of this fit stream, and are not in memory together: hb.predict_parts(fit) has "
        "predictions and residuals, a part at a time"
    )
    with pytest.raises(hb.DataError) as refused:
        hb.level1_residuals(both[1])
    assert str(refused.value).startswith("this needs the rows in memory, and those of ")
    assert str(refused.value).endswith(" stream: give a frame of some of them, or of all, as data")


def test_comparisons_take_rows_that_stream(
    both: tuple[hb.PointFit, hb.PointFit], frame: pd.DataFrame
) -> None:
    table = hb.compare(*both).differences
    assert table["size"].abs().max() < 1e-6
    other = hb.Model(FORMULA, data=frame.assign(y=2.0 * frame["y"])).reml()
    with pytest.raises(hb.StudyError, match="has another range or size, or rows other"):
        hb.compare(other, both[1])


def test_quantities_of_all_rows_are_those_of_the_frame(
    both: tuple[hb.PointFit, hb.PointFit],
) -> None:
    usual, streamed = (fit.design.rows for fit in both)
    np.testing.assert_allclose(streamed.covariance, usual.covariance, rtol=1e-10, atol=1e-12)
    for quantity in (hb.quantities.R2(), hb.quantities.R2(groups=True)):
        mine, theirs = (quantity.draws(fit) for fit in both)
        np.testing.assert_allclose(theirs, mine, rtol=1e-8)


@pytest.mark.parametrize(
    "smaller",
    ["y ~ x + w + kind + (1 + x | g)", "y ~ x * w + kind + (1 | g)", "y ~ x * w + kind + (x || g)"],
)
def test_likelihood_ratios_are_those_of_the_frame(
    smaller: str, folder: Path, frame: pd.DataFrame
) -> None:
    usual, streamed = (
        hb.likelihood_ratio(hb.Model(smaller, data).ml(), hb.Model(FORMULA, data).ml()).table
        for data in (frame, folder)
    )
    pd.testing.assert_frame_equal(streamed, usual, rtol=1e-6)


def test_other_weights_of_streams_are_no_likelihood_ratio(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    write_parts(frame.assign(v=1.0 + frame.index % 3), tmp_path)
    small = hb.Model("y ~ x + (1 | g)", tmp_path).ml()
    big = hb.Model("y ~ x + w + (1 | g)", tmp_path, weights="v").ml()
    with pytest.raises(hb.InferenceError, match="or in the weights of rows; fit the same response"):
        hb.likelihood_ratio(small, big)


def test_models_of_streams_that_are_not_nested(folder: Path) -> None:
    a, b = (hb.Model(f"y ~ {x} + (1 | g)", folder).ml() for x in ("w", "kind"))
    with pytest.raises(hb.InferenceError, match="not nested: the fixed column 'w' of the model"):
        hb.likelihood_ratio(a, b)


def test_trees_have_no_rows_where_they_stream(both: tuple[hb.PointFit, hb.PointFit]) -> None:
    usual, streamed = (fit.to_datatree() for fit in both)
    assert set(usual.children) - set(streamed.children) == {"observed_data", "constant_data"}
    np.testing.assert_allclose(
        streamed["posterior"]["u"].to_numpy(), usual["posterior"]["u"].to_numpy(), atol=1e-7
    )


def test_groups_are_left_out_as_of_the_frame(both: tuple[hb.PointFit, hb.PointFit]) -> None:
    """What each group adds is found in the source, read once more."""
    usual, streamed = both
    mine, theirs = (hb.logo(fit, progress=False).frame for fit in (streamed, usual))
    pd.testing.assert_frame_equal(mine, theirs, rtol=1e-8, check_dtype=False)
    cases, others = (hb.influence(fit, refit=0, progress=False) for fit in (streamed, usual))
    columns = ["n", "cook", "cook_given_theta"]
    pd.testing.assert_frame_equal(cases.frame[columns], others.frame[columns], rtol=1e-7)
    robust = (hb.wald(fit, "x", robust="CR2").rows for fit in (streamed, usual))
    pd.testing.assert_frame_equal(*robust, rtol=1e-8)


def test_priors_are_seen_through_rows_from_all_over(frame: pd.DataFrame, folder: Path) -> None:
    """Of so small a source these are all rows; of cross-products there are none."""
    mine, theirs = (
        hb.Model(FORMULA, data=one).prior_predictive(draws=50, seed=1) for one in (folder, frame)
    )
    for name in ("icc", "r2", "sd"):
        np.testing.assert_allclose(mine.draws[name], theirs.draws[name], rtol=1e-8)
    assert mine.findings[0].endswith(theirs.findings[0][-40:])  # the observed range
    assert mine.about == theirs.about
    products = hb.CrossProducts("y ~ x + (1 | g)", frame)
    with pytest.raises(hb.DataError, match="this needs the rows in memory"):
        hb.Model("y ~ x + (1 | g)", data=products).prior_predictive(draws=50, seed=1)


def test_equations_and_regressions_stream(frame: pd.DataFrame, folder: Path) -> None:
    words: dict[str, Any] = dict(within="y ~ 1 + x", group="g", random=["1", "x"])
    equations = hb.Multilevel(between={"1": "1 + w", "x": "1 + w"}, **words)
    for formula in (equations, "y ~ x * w"):
        stream, memory = (hb.Model(formula, data=one) for one in (folder, frame))
        assert str(stream) == str(memory)
        assert stream.reml().loglik == pytest.approx(memory.reml().loglik, rel=1e-10)
    varying = hb.Multilevel(between={"1": "1 + x", "x": "1"}, **words)
    with pytest.raises(hb.DataError) as refused:
        hb.Model(varying, data=folder)
    assert str(refused.value) == (
        "'x' stands in the between equation of '1' but varies within groups of 'g'; move it to the "
        "within equation, or use its group mean cvar(x, g)"
    )


def test_a_group_that_was_not_there_is_named(frame: pd.DataFrame) -> None:
    pieces = Pieces(frame, (1000,))
    fit = hb.Model("y ~ x + (1 + x | g)", data=pieces).reml()
    object.__setattr__(pieces, "frame", frame.assign(g=frame["g"] + 1))
    with pytest.raises(hb.DataError, match="rows from 0: the group '40' was not there when the"):
        hb.logo(fit)


@pytest.mark.slow
def test_a_page_has_all_but_what_rows_draw(
    both: tuple[hb.PointFit, hb.PointFit], tmp_path: Path
) -> None:
    """Groups, their products and BLUEs are those of the frame; no rows are drawn."""
    usual, streamed = (shrinkage_data(fit) for fit in both)
    for mine, theirs in zip(streamed["factors"], usual["factors"], strict=True):
        assert mine["constant"] == theirs["constant"] == 0
        for group, other in zip(mine["groups"], theirs["groups"], strict=True):
            np.testing.assert_allclose(group["blue"], other["blue"], rtol=1e-8)
            assert (group["rows"], bool(other["rows"])) == ([], True)
    both[1].report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("Not drawn") == 1
    assert "residuals of rows; REML: this needs the rows in memory" in page


def test_errors_of_a_frame_hold(frame: pd.DataFrame, folder: Path) -> None:
    assert refusal(folder, "y ~ z + (1 | g)").startswith("there is no column 'z' in the data")
    whole = Pieces(frame, (1000,))
    assert "is constant (1)" in refusal(replace(whole, frame=frame.assign(y=1.0)))
    assert refusal(replace(whole, frame=frame.assign(x=np.nan))) == (
        "no row is complete: 'x' is missing in 3000 of 3000 rows"
    )
    assert refusal(replace(whole, frame=frame.iloc[:0])) == (
        "the data are empty: there are no rows in the pieces"
    )
    assert refusal(
        replace(whole, frame=frame.assign(v=2.0 * frame["x"])), "y ~ x + v + (1 | g)"
    ) == (
        "the fixed column 'v' is a combination of 'x'; remove it, or one of those, from the formula"
    )
    endless = frame.assign(x=frame["x"].where(frame.index != 2000, np.inf))
    assert refusal(replace(whole, frame=endless)).startswith(
        "rows from 1000: 'x' is infinite in 1 of 1999 rows (first at row label 2000)"
    )
    assert "has as many groups as there are rows (3000)" in refusal(
        replace(whole, frame=frame.assign(g=np.arange(3000), x=1.0)), "y ~ w + (1 | g)"
    )


def test_what_needs_all_rows_is_refused_by_name(folder: Path) -> None:
    said = "needs the rows in memory, and those of "
    assert f"the family Gamma(link='log') {said}" in refusal(folder, family="gamma")
    assert f"weights= as numbers {said}" in refusal(folder, weights=np.ones(3000))
    assert refusal(folder, "y ~ lvar(x, g) + (1 | g)").startswith(
        "'lvar(x, g)' is made of all rows at once, and those of "
    )


def test_a_corrupt_file_is_named(frame: pd.DataFrame, tmp_path: Path) -> None:
    write_parts(frame, tmp_path)
    bad = tmp_path / "part2.parquet"
    bad.write_bytes(bad.read_bytes()[:-200])
    assert refusal(tmp_path).startswith(f"cannot read {bad}: ")


def test_a_file_damaged_inside_is_named(frame: pd.DataFrame, tmp_path: Path) -> None:
    write_parts(frame, tmp_path)
    bad = tmp_path / "part2.parquet"
    content = bytearray(bad.read_bytes())
    content[4:400] = bytes(396)
    bad.write_bytes(bytes(content))
    assert refusal(tmp_path).startswith(f"cannot read {bad}: ")


def test_a_file_with_other_columns_is_named(frame: pd.DataFrame, tmp_path: Path) -> None:
    write_parts(frame, tmp_path)
    other = tmp_path / "part3.parquet"
    pq.write_table(pa.Table.from_pandas(frame[["y", "x", "g", "kind"]]), other)
    assert refusal(tmp_path) == (
        f"{other} has no column 'w', which {tmp_path / 'part0.parquet'} has; a model reads the "
        "same columns from every file"
    )


def test_a_group_column_that_changes_type_is_named(frame: pd.DataFrame, tmp_path: Path) -> None:
    write_parts(frame, tmp_path)
    other = tmp_path / "part3.parquet"
    frame.assign(g=frame["g"].astype(str)).to_parquet(other)
    assert refusal(tmp_path).startswith(f"'g' is text (large_string) in {other} and number (int64)")
    mixed = Pieces(frame.assign(g=[*frame["g"][:1500], *frame["g"][1500:].astype(str)]), (1500,))
    assert refusal(mixed) == (
        "the group column 'g' holds labels of type string in rows from 1500 and of type number "
        "before; write them as the same everywhere"
    )


def test_a_level_that_was_not_there_is_named(frame: pd.DataFrame) -> None:
    passes = []

    class Changing(Pieces):
        def batches(self, names: Sequence[str], labels: Sequence[str] = ()) -> Iterator[Batch]:
            passes.append(labels)  # the first rows, levels, rows of a basis, and then all
            for batch in super().batches(names, labels):
                late = batch.place == "rows from 1500" and len(passes) > 3
                changed = batch.frame.assign(kind="new") if late else batch.frame
                yield Batch(changed, batch.place)

    assert refusal(Changing(frame, (1500,))) == (
        "rows from 1500: 'kind' has the level 'new', which is none of its levels 'late', 'odd', "
        "'plain': those were stated, or the data have changed since they were read"
    )


def test_the_command_line_takes_folders_and_patterns(
    folder: Path, both: tuple[hb.PointFit, hb.PointFit], capsys: pytest.CaptureFixture[str]
) -> None:
    for data in (folder, folder / "*.parquet"):
        assert main(["fit", "--formula", FORMULA, "--data", str(data), "--method", "reml"]) == 0
        assert f"{both[0].loglik:.3f}" in capsys.readouterr().out


def test_files_that_are_not_there_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "*.parquet") == (
        f"there are no data in '{tmp_path / '*.parquet'}': no such file, folder or pattern of files"
    )
    (tmp_path / "notes.txt").write_text("no rows")
    assert "must be files of one format" in refusal(tmp_path / "notes.txt")


def test_folders_may_say_the_value_of_a_column(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_parquet(tmp_path / "rows", partition_cols=["kind"])
    formula = "y ~ x + kind + (1 | g)"
    stream = hb.Model(formula, data=tmp_path / "rows").reml()
    assert stream.loglik == pytest.approx(hb.Model(formula, frame).reml().loglik, rel=1e-12)
    own = tmp_path / "kind=late"
    own.mkdir()
    frame.to_parquet(own / "rows.parquet")  # the column of the file is meant
    assert hb.Model(formula, data=own).reml().loglik == pytest.approx(stream.loglik, rel=1e-12)
    frame.drop(columns="kind").to_parquet(tmp_path / "rows" / "a.parquet")  # it comes first
    assert refusal(tmp_path / "rows", formula).startswith("there is no column 'kind' in the data")


def test_what_is_read_once_is_refused(frame: pd.DataFrame) -> None:
    table = pa.Table.from_pandas(frame)
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches())
    assert refusal(reader).startswith("a RecordBatchReader can be read once, and rows that stream")


def test_late_lines_of_a_text_file_are_named(tmp_path: Path) -> None:
    lines = [f"{k % 7}.5,{k % 5},{k % 3}" for k in range(200_000)]
    lines[-3] = "oops,1,1"
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["y,x,g", *lines]))
    assert refusal(path, "y ~ x + (1 | g)").startswith(f"cannot read {path}: ")
    path.write_text("")
    assert refusal(path, "y ~ x + (1 | g)").startswith(f"cannot read {path}: ")


def test_columns_that_are_neither_numbers_nor_labels_are_refused(frame: pd.DataFrame) -> None:
    dates = frame.assign(d=pd.Timestamp("2020-01-01"))
    assert refusal(Pieces(dates, (100,)), "y ~ d + (1 | g)").startswith("'d' is of type datetime64")
    lists = frame.assign(d=[[1, 2]] * len(frame))
    assert refusal(Pieces(lists, (100,)), "y ~ d + (1 | g)") == (
        "rows from 0: 'd' holds values that are no labels; make numbers or texts of them"
    )
