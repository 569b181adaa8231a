"""Saved fits: read back as they were, in any process, or refused in words."""

import datetime
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest

import hierbayes as hb
from hierbayes.fit.saving import archive
from hierbayes.fit.saving.row_columns import frame_as_bytes, frame_of_bytes
from tests import family_fits
from tests.exact import under

PRIORS = {"sd": hb.HalfNormal(3), "gamma": {"x": hb.Normal(0, 2)}, "corr": hb.LKJ(2)}


def crossed(data: pd.DataFrame) -> hb.PointFit:
    twice = data.assign(h=np.arange(len(data)) % 5)
    return hb.Model("y ~ x + (1 + x | g) + (1 | h)", twice).reml()


def far(data: pd.DataFrame) -> hb.PointFit:
    """Found in the internal basis alone: the way there and back would lose digits."""
    return hb.Model("y ~ x + (1 + x | g)", data.assign(x=data["x"] + 1e6)).reml()


def incomplete(data: pd.DataFrame) -> hb.PointFit:
    holes = data.assign(z=data["x"].where(data["x"] < 1.0), k=pd.cut(data["w"], 3))
    holes.index = pd.Index([f"row {k}" for k in range(len(data))], name="who")
    return hb.Model("y ~ scale(z) * k + cvar(z, g) + (1 | g)", holes).ml()


def given(data: pd.DataFrame) -> hb.PointFit:
    more = data.iloc[:6].assign(g="new")
    return hb.Model("y ~ x + cvar(x, g) + (1 | g)", data).reml().given(more)


def covariance(data: pd.DataFrame) -> hb.PointFit:
    priors = {"G": hb.InverseWishart(4, [[1.0, 0.1], [0.1, 2.0]])}
    return hb.Model("y ~ x + (1 + x | g)", data, priors=priors).map()


POINTS: dict[str, Callable[[pd.DataFrame], hb.PointFit]] = {
    "REML": lambda data: hb.Model("y ~ x + w + (1 + x | g)", data).reml(),
    "ML": incomplete,
    "MAP": lambda data: hb.Model("y ~ x + w + (1 + x | g)", data, priors=PRIORS).map(),
    "MAP of G": covariance,
    "several factors": crossed,
    "columns far from zero": far,
    "rows given later": given,
    "errors with a structure": lambda data: hb.Model(
        "y ~ x + (1 | g)", data, residual=hb.residuals.AR1() * hb.residuals.Power("w0")
    ).reml(),
    "no random part": lambda data: hb.Model(
        "y ~ x", data, residual=hb.residuals.CompoundSymmetry("g")
    ).ml(),
    "family": lambda data: family_fits.bernoulli(),
    "family, several factors": lambda data: family_fits.counts(),
}


def read_back(fit: Any, folder: Path) -> Any:
    fit.save(folder / "one.fit")
    assert [path.name for path in folder.iterdir()] == ["one.fit"]
    again = hb.load_fit(str(folder / "one.fit"))
    assert type(again) is type(fit)
    return again


def assert_equal(again: Any, fit: Any) -> None:
    assert repr(again) == repr(fit)
    assert str(again.summary()) == str(fit.summary())
    assert str(again.diagnose()) == str(fit.diagnose())
    assert str(again.priors) == str(fit.priors)
    # Sums over the rows of a residual structure are made anew.
    pd.testing.assert_frame_equal(again.intervals(), fit.intervals(), rtol=1e-11, atol=1e-14)
    pd.testing.assert_series_equal(again.predict(), fit.predict(), rtol=1e-11, atol=1e-14)
    for u, v in zip(again.us, fit.us, strict=True):
        np.testing.assert_allclose(u, v, rtol=1e-11, atol=1e-14)
    assert np.array_equal(again.gamma_draws, fit.gamma_draws)
    assert np.array_equal(again.design.rows.kept, fit.design.rows.kept)


@pytest.mark.parametrize("name", POINTS)
def test_maxima_are_read_back_as_they_were(
    name: str, small_data: pd.DataFrame, tmp_path: Path
) -> None:
    fit = POINTS[name](small_data.assign(w0=1.0 + small_data["x"] ** 2))
    again = read_back(fit, tmp_path)
    assert_equal(again, fit)
    limits = again.predict(prob=0.9), fit.predict(prob=0.9)
    pd.testing.assert_frame_equal(*limits, rtol=1e-11, atol=1e-14)


def test_maxima_with_known_errors_are_read_back(small_data: pd.DataFrame, tmp_path: Path) -> None:
    data = small_data.assign(se=1.0 + small_data["x"] ** 2)
    fit = hb.Model("y ~ x + (1 | g)", data, known_sd="se").reml()
    again = read_back(fit, tmp_path)
    assert str(again.summary()) == str(fit.summary())
    pd.testing.assert_frame_equal(again.intervals(), fit.intervals(), check_exact=True)
    assert again.predict().equals(fit.predict())


@pytest.mark.slow
def test_posteriors_with_a_structure_of_errors_are_read_back(
    small_data: pd.DataFrame, tmp_path: Path
) -> None:
    model = hb.Model("y ~ x + (1 | g)", small_data, residual=hb.residuals.AR1())
    fit = model.sample(draws=50, tune=50, chains=2, seed=1)
    again = read_back(fit, tmp_path)
    assert str(again.summary()) == str(fit.summary())
    assert again.predict(prob=0.9).equals(fit.predict(prob=0.9))
    assert np.array_equal(again.error_draws[1], fit.error_draws[1])
    assert np.array_equal(again.us[0], fit.us[0])


@pytest.mark.slow
def test_posteriors_are_read_back_as_they_were(
    small_posterior: hb.PosteriorFit, small_data: pd.DataFrame, tmp_path: Path
) -> None:
    new = small_data.iloc[::7].assign(x=0.5)
    for fit in (small_posterior, small_posterior.given(small_data.iloc[:3].assign(g="new"))):
        again = read_back(fit, tmp_path)
        assert_equal(again, fit)
        assert again.predict(new, prob=0.9).equals(fit.predict(new, prob=0.9))
        stats = [one.evidence.stats for one in (again, fit)]
        assert stats[0].identical(stats[1].drop_attrs())


def test_posteriors_of_families_are_read_back_as_they_were(tmp_path: Path) -> None:
    fit = family_fits.posterior()
    again = read_back(fit, tmp_path)
    assert_equal(again, fit)
    new = family_fits.DATA.iloc[:4]
    assert again.predict(new).equals(fit.predict(new))


@pytest.mark.slow
def test_a_new_process_needs_no_data(small_data: pd.DataFrame, tmp_path: Path) -> None:
    fit = hb.Model("y ~ np.exp(x) + w + (1 | g)", small_data).reml()
    fit.save(tmp_path / "one.fit")
    code = "import hierbayes as hb; print(hb.load_fit('one.fit').predict().tolist())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True,
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    assert json.loads(done.stdout) == fit.predict().tolist()


def test_what_happens_to_the_data_later_does_not_matter(
    small_data: pd.DataFrame, tmp_path: Path
) -> None:
    data = small_data.copy()
    fit = hb.Model("y ~ x + (1 | g)", data).reml()
    data["x"], data.loc[:, "y"] = 0.0, 1.0
    assert_equal(read_back(fit, tmp_path), fit)


FRAME = pd.DataFrame(
    {
        1: [1.5, -0.0, 1e300],
        "whole": np.array([1, 2**62, -3]),
        "large": np.array([0, 1, 2**64 - 1], dtype=np.uint64),
        "text": ["a", "ü", ""],
        "object": pd.Series(["a", "b", "c"], dtype=object),
        "mixed": pd.Series([1, "1", 2.5], dtype=object),
        "days": pd.Series([datetime.date(2020, 1, d) for d in (1, 2, 3)], dtype=object),
        "moments": pd.to_datetime(["2020-01-01", "2020-06-01", "2021-01-01"]).tz_localize("CET"),
        "seconds": np.array(["2020-01-01", "2020-06-01", "2021-01-01"], dtype="M8[s]"),
        "true": [True, False, True],
        "maybe": pd.array([True, False, True], dtype="boolean"),
        "Int": pd.array([1, 2, 3], dtype="Int64"),
        "period": pd.period_range("2020-01", periods=3, freq="M"),
        "cut": pd.cut([1.0, 2.0, 3.0], [0, 1.5, 5]),
        "ordered": pd.Categorical(["lo", "hi", "lo"], ["lo", "hi"], ordered=True),
        "numbers": pd.Categorical([3, 1, 3], [3, 1]),
        "kinds": pd.Categorical([3, "a", 3], pd.Index([3, "a"], dtype=object)),
        ("a", "b"): [1.0, 2.0, 3.0],
    }
)


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(4, 10, 2, name="k"),
        pd.Index(["a", "b", "b"], name=("x", 1)),
        pd.Index([3, "b", 1.5]),
        pd.date_range("2020", periods=3, freq="D"),
        pd.MultiIndex.from_arrays([[1, 1, 2], list("aba")], names=["g", None]),
    ],
    ids=["range", "text", "mixed", "dates", "levels"],
)
def test_columns_of_every_type_are_read_back(index: pd.Index) -> None:
    frame = FRAME.set_axis(index)
    again = frame_of_bytes(*through_json(frame))
    pd.testing.assert_frame_equal(again, frame, check_freq=False)
    assert [type(one) for one in again["mixed"]] == [int, str, float]


def through_json(frame: pd.DataFrame) -> tuple[dict[str, Any], bytes]:
    said, data = frame_as_bytes(frame)
    return json.loads(json.dumps(said)), data


# ---------------------------------------------------------------- refusals


def refused(call: Callable[[], object], text: str) -> None:
    with pytest.raises(hb.SavedFitError) as caught:
        call()
    assert str(caught.value) == text


def test_functions_are_handed_over_again(small_data: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "one.fit"
    half = {"half": lambda x: x / 2}
    fit = hb.Model("y ~ half(x) + (1 | g)", small_data, functions=half).reml()
    fit.save(path)
    assert_equal(hb.load_fit(path, functions=half), fit)
    refused(
        lambda: hb.load_fit(path),
        f"the formula of '{path}' calls 'half', which no file holds: hand over what the model "
        "had, as in hb.load_fit(path, functions={'half': half})",
    )
    refused(
        lambda: hb.load_fit(path, {**half, "g": abs}),
        f"the formula of '{path}' calls no function 'g'",
    )
    refused(
        lambda: hb.load_fit(path, {"half": lambda x: x / 3}),
        "with the functions handed over ('half') the rows have other columns than those that were "
        "fitted: hand over the functions of the fit, which make equal columns of equal rows",
    )


@pytest.fixture
def saved(small_data: pd.DataFrame, tmp_path: Path) -> Path:
    hb.Model("y ~ x + (1 | g)", small_data).reml().save(tmp_path / "one.fit")
    return tmp_path / "one.fit"


def test_other_files_are_refused(saved: Path) -> None:
    whole, folder = saved.read_bytes(), saved.parent
    foreign, other, empty = folder / "data.csv", folder / "other.zip", folder / "empty"
    foreign.write_text("y,x\n1,2\n")
    empty.write_bytes(b"")
    with zipfile.ZipFile(other, "w") as archive_:
        archive_.writestr("manifest.json", "{}")
    for path in (foreign, other, empty):
        refused(lambda p=path: hb.load_fit(p), f"'{path}' is not a fit that hierbayes saved")  # type: ignore[misc]
    refused(lambda: hb.load_fit(folder / "none"), f"there is no file '{folder / 'none'}'")
    for length in (len(whole) // 3, len(whole) - 5):
        saved.write_bytes(whole[:length])
        refused(
            lambda: hb.load_fit(saved),
            f"'{saved}' is cut short or damaged: its end is missing; copy or save it again",
        )


def test_damage_is_refused(saved: Path) -> None:
    whole, said, refusals = saved.read_bytes(), str(hb.load_fit(saved)), 0
    for place in range(40, len(whole), len(whole) // 25):
        saved.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:  # a flag or a date of the archive says nothing of what stands in it
            assert str(hb.load_fit(saved)) == said
        except hb.SavedFitError:
            refusals += 1
    assert refusals > 15


def changed(saved: Path, **manifest: Any) -> None:
    contents = archive.read_archive(saved)
    made = archive.Contents({**contents.manifest, **manifest}, contents.arrays, contents.rows)
    archive.write_archive(saved, made)


def test_newer_formats_are_refused(saved: Path) -> None:
    changed(saved, format=99, versions={"hierbayes": "9.1"})
    refused(
        lambda: hb.load_fit(saved),
        f"'{saved}' is of format 99, written by hierbayes 9.1, and this version reads formats up "
        "to 2; update hierbayes",
    )


@pytest.mark.parametrize(
    "manifest",
    [
        {"kind": "os.system"},
        {"evidence": {"is": "Popen", "has": {"args": ["true"]}}},
        {"specification": {"tuple": []}},
        {"priors": [1]},
        {"rows": []},
        {"family": 3},
    ],
)
def test_manifests_that_were_not_written_here_are_refused(
    saved: Path, manifest: dict[str, Any]
) -> None:
    changed(saved, **manifest)
    with pytest.raises(hb.SavedFitError, match="is damaged"):
        hb.load_fit(saved)


def test_places_that_cannot_take_a_fit_are_refused(saved: Path) -> None:
    fit, folder = hb.load_fit(saved), saved.parent
    (folder / "data.csv").write_text("y,x\n1,2\n")
    refused(
        lambda: fit.save(folder / "data.csv"),
        f"cannot save the fit as '{folder / 'data.csv'}': this file is there and is no saved fit; "
        "remove it first, or choose another name",
    )
    refused(
        lambda: fit.save(folder), f"cannot save the fit as '{folder}': it is a folder; name a "
        "file in it",
    )  # fmt: skip
    refused(
        lambda: fit.save(folder / "no" / "one.fit"),
        f"cannot save the fit as '{folder / 'no' / 'one.fit'}': there is no folder "
        f"'{folder / 'no'}'",
    )
    fit.save(saved)  # a saved fit is replaced


def test_what_cannot_be_written_is_refused_before_anything_is(
    small: hb.Model,
    small_data: pd.DataFrame,
    small_posterior: hb.PosteriorFit,
    tmp_path: Path,
) -> None:
    path = tmp_path / "one.fit"
    foreign = hb.Model(
        "y ~ x + w", "~ 1 + x | g", small_data, priors={"sigma": pm.HalfNormal.dist(5.0)}
    )
    refused(
        lambda: under(small_posterior, foreign).save(path),
        "the prior of sigma 'sigma' is a distribution made by PyMC, which a file cannot hold "
        "without running what stands in it; state a prior of hierbayes, or keep the draws with "
        "to_datatree()",
    )
    money = small_data.assign(d=[(Decimal(1), k) for k in small_data["g"]])
    refused(
        lambda: hb.Model("y ~ x + (1 | d)", money).reml().save(path),
        "column 'd' holds values of type Decimal, which a saved fit cannot hold; make numbers or "
        "text of them",
    )
    power = [2]
    unequal = hb.Model("y ~ f(x) + (1 | g)", small_data, functions={"f": lambda x: x ** power[0]})
    power[0] = 3
    refused(
        lambda: unequal.reml().save(path),
        "with the functions handed over ('f') the rows have other columns than those that were "
        "fitted: hand over the functions of the fit, which make equal columns of equal rows",
    )
    assert list(tmp_path.iterdir()) == []


def test_a_failed_attempt_leaves_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit, whole = hb.load_fit(saved), saved.read_bytes()
    abandoned = saved.with_name(".one.fit.1.unfinished")
    abandoned.write_bytes(whole[:100])
    os.utime(abandoned, (0, 0))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        refused(
            lambda: fit.save(saved), f"cannot save the fit as '{saved}': No space left on device"
        )
    assert list(saved.parent.iterdir()) == [saved]
    assert saved.read_bytes() == whole


def test_a_path_is_asked_for(small: hb.Model) -> None:
    words = "a saved fit is named by a path, as in 'school.fit', not by "
    with pytest.raises(hb.SavedFitError, match=words + "NoneType"):
        small.reml().save(None)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(hb.SavedFitError, match=words + "int"):
        hb.load_fit(5)  # type: ignore[arg-type]  # on purpose
