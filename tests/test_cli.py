"""The command line: what it prints and writes, and how it refuses."""

import argparse
import json
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr
from PIL import Image

import hierbayes as hb
from hierbayes.cli import commands, main
from hierbayes.errors import ResultFolderError
from hierbayes.frames.shipped import shipped
from hierbayes.library.loading import load_model
from hierbayes.library.shipped_models import model_names
from hierbayes.report import folder
from hierbayes.report.folder import new_folder
from hierbayes.studies.comparison.estimates import standard_errors
from tests.conftest import REFERENCE

pytestmark = pytest.mark.slow

NAME = "intercepts_and_slopes_as_outcomes"
REML_FIT = ("fit", NAME, "--method", "reml")
COMPARED = ("overview", "fixed", "variance", "intervals", "groups", "uncertainty", "criteria",
            "differences")  # fmt: skip
TABLES = ("fixef", "intervals", "ranef", "shrinkage", "var_corr")
HS = str(shipped("data").joinpath("hs.csv"))
PICTURES = (
    "beta_space",
    "caterpillar",
    "effect_1",
    "level1_residuals",
    "predictive_check",
    "shrinkage",
)


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    """The output of a command that goes well."""
    assert main([str(argument) for argument in argv]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def refusal(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    """The message of a command that is refused."""
    assert main([str(argument) for argument in argv]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("hierbayes: error: ")
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("hierbayes: error: ").rstrip("\n")


def model_file(folder: Path, text: str) -> Path:
    path = folder / "model.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"hierbayes {hb.__version__}\n"


@pytest.mark.parametrize("argv", [[], ["--help"]])
def test_help(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(argv)
    assert stopped.value.code == 0
    output = capsys.readouterr().out
    assert output.startswith("usage: hierbayes [-h] [--version] COMMAND ...\n")
    for command in ("models", "systems", "equations", "emit", "fit", "demo"):
        assert f"\n    {command} " in output


def test_models(capsys: pytest.CaptureFixture[str]) -> None:
    output = run(capsys, "models")
    blocks = output.rstrip().split("\n\n")
    assert [block.split("\n")[0] for block in blocks] == model_names()
    assert (
        "non_random_slopes\n"
        "  Non-random slopes\n"
        "    within   mathach = β[1] + β[ses]·ses + r          r ~ N(0, σ²)\n"
        "    between  β[1] = (1 + Sector)·γ + u[1]\n"
    ) in output


def test_systems(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run(capsys, "systems").splitlines()
    assert [line.split()[0] for line in lines] == list(hb.dialects().index)
    assert "lme4         R: lme4::lmer and glmer" in lines


def test_reml(capsys: pytest.CaptureFixture[str]) -> None:
    output = run(capsys, *REML_FIT)
    summary = str(load_model(NAME).reml().summary())
    assert output.startswith(summary)
    assert "Shrinkage by REML, first 5 of 40 groups:\n\n                 n     blue" in output
    assert "\n9586 " not in output
    assert "Diagnosis of REML: The REML maximum is inside the parameter space.\n" in output
    assert "posterior" not in output


def test_ml(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "fit", NAME, "--method", "ml").startswith(
        "Hierarchical model fit by maximum likelihood"
    )


def test_own_model_on_own_data(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = model_file(
        tmp_path,
        'title = "T"\ngroup = "g"\nwithin = "y ~ 1 + x"\nrandom = ["1"]\n'
        '[between]\n"1" = "1 + w"\n',
    )
    hs = hb.load_dataset("hs")[["school", "mathach", "ses", "Sector"]]
    data = tmp_path / "data.csv"
    hs.set_axis(["g", "y", "x", "w"], axis="columns").to_csv(data, index=False)
    output = run(capsys, "fit", path, "--data", data, "--method", "reml")
    assert "1977 rows, 40 groups (g)" in output
    expected = hb.Model("mathach ~ ses + Sector + (1 | school)", data=hb.load_dataset("hs"))
    assert f"{expected.reml().loglik:.3f}" in output


@pytest.mark.parametrize(
    "formula",
    [
        ("--formula", "mathach ~ ses * Sector + (1 + ses | school)"),
        ("mathach ~ ses * Sector + (1 + ses | school)",),
        ("--formula", "mathach ~ ses * Sector", "--random", "~ 1 + ses | school"),
    ],
    ids=["lme4", "in place of MODEL", "nlme"],
)
def test_formula_in_place_of_a_model(
    formula: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    expected = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", hb.load_dataset("hs")).reml()
    output = run(capsys, "fit", *formula, "--data", HS, "--method", "reml")
    assert output.startswith(str(expected.summary()))


def test_a_family_of_a_formula(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "result"
    formula = ("--formula", "Minority ~ ses + (1 | school)", "--family", "bernoulli", "--data", HS)
    output = run(capsys, "fit", *formula, "--method", "ml", "--out", out)
    assert output.startswith(
        "Hierarchical model fit by maximum likelihood (Laplace's approximation)"
    )
    files = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["files"]
    assert {"ml/fixef.csv", "ml/intervals.csv", "equations.txt", "summary.txt"} <= set(files)
    assert "ml/shrinkage.csv" not in files
    message = refusal(capsys, "fit", NAME, "--family", "poisson")
    assert message.startswith("--family goes with --formula; the file of a MODEL states its own")
    message = refusal(capsys, "fit", *formula[:3], "StudentT(dof=5)", *formula[4:])
    assert message.startswith("cannot read the family 'StudentT(dof=5)': StudentT takes link, df")


def test_numbers_by_row_of_a_formula(capsys: pytest.CaptureFixture[str]) -> None:
    schools = REFERENCE / "weights" / "eight_schools.csv"
    formula = ("--formula", "y ~ 1 + (1 | school)", "--data", schools, "--method", "reml")
    output = run(capsys, "fit", *formula, "--known-sd", "se")
    assert "known_sd = se" in output
    assert "is estimated as 0" in output
    rows = ("--formula", "mathach ~ ses + (1 | school)", "--data", HS, "--method", "reml")
    assert "weights = Size" in run(capsys, "fit", *rows, "--weights", "Size", "--offset", "2 * ses")
    message = refusal(capsys, "fit", NAME, "--known-sd", "se")
    assert message.startswith("--known-sd goes with --formula; the file of a MODEL states its own")


def test_result_of_a_formula(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "result"
    formula = ("--formula", "mathach ~ ses + (1 | school)")
    run(capsys, "fit", *formula, "--data", HS, "--method", "reml", "--out", out)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["formula"] == "mathach ~ 1 + ses + (1 | school)"
    assert (manifest["model"], manifest["title"], manifest["data"]) == (None, None, HS)


@pytest.fixture(scope="module")
def of_reml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `fit --out` writes, and only one fit that draws its pictures."""
    out = tmp_path_factory.mktemp("of_reml") / "deep" / "result"
    with redirect_stdout(StringIO()) as printed:
        assert main([*REML_FIT, "--data", HS, "--out", str(out)]) == 0
    out.parent.with_suffix(".printed").write_text(printed.getvalue(), encoding="utf-8")
    return out


def test_result_of_reml(of_reml: Path) -> None:
    out = of_reml
    output = out.parent.with_suffix(".printed").read_text(encoding="utf-8")
    fit = load_model(NAME).reml()
    assert output.endswith(f"\nWritten to {out}\n")
    assert (out / "summary.txt").read_text(encoding="utf-8") + f"\nWritten to {out}\n" == output
    pictures = [f"pictures/{name}.png" for name in PICTURES]
    tables = [f"reml/{table}.csv" for table in TABLES]
    names = ["equations.txt", "meanings.txt", *pictures, *tables, "summary.txt"]
    files = [path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()]
    assert sorted(files) == sorted([*names, "manifest.json"])
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["made_by"] == "hierbayes"
    assert manifest["versions"]["hierbayes"] == hb.__version__
    assert (manifest["model"], manifest["data"], manifest["rows"]) == (NAME, HS, 1977)
    assert manifest["files"] == names
    assert [path.name for path in out.parent.iterdir()] == ["result"]
    ranef = pd.read_csv(out / "reml" / "ranef.csv", index_col="group", dtype={"group": str})
    pd.testing.assert_frame_equal(
        ranef, fit.ranef(), check_names=False, check_column_type=False, check_index_type=False
    )
    limits = pd.read_csv(out / "reml" / "intervals.csv", index_col=["block", "parameter"])
    pd.testing.assert_frame_equal(limits, fit.intervals())


def test_result_holds_the_model_in_symbols_words_and_pictures(of_reml: Path) -> None:
    out, model = of_reml, load_model(NAME)
    assert (out / "equations.txt").read_text(encoding="utf-8") == f"{model.equations()}\n"
    assert (out / "meanings.txt").read_text(encoding="utf-8") == f"{model.meanings()}\n"
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["pictures"] == {
        "pictures/beta_space.png": "groups in beta space: BLUE, BLUP, population and G; REML",
        "pictures/shrinkage.png": "shrinking from the BLUE to the BLUP; REML",
        "pictures/caterpillar.png": "random effects in order, with intervals; REML",
        "pictures/effect_1.png": "expected response against ses by Sector, with pointwise limits; "
        "REML",
        "pictures/level1_residuals.png": "studentized residuals of rows; REML",
        "pictures/predictive_check.png": "statistics of 200 replications of the response (seed 1) "
        "beside the observed ones; REML",
    }
    assert manifest["not_drawn"] == {}
    for path in (out / "pictures").iterdir():
        with Image.open(path) as picture:
            assert picture.format == "PNG" and min(picture.size) > 400
            assert len(picture.convert("L").getcolors() or ()) > 10  # not an empty sheet


def test_pictures_of_what_a_model_has_not_are_not_asked_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "result"
    run(capsys, "fit", "one_way_anova_with_random_effects", "--method", "reml", "--out", out)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["not_drawn"] == {}
    of_slopes = ("beta_space", "effect_1")
    drawn = {f"pictures/{name}.png" for name in PICTURES if name not in of_slopes}
    assert set(manifest["pictures"]) == drawn <= set(manifest["files"])
    assert sorted(path.name for path in (out / "pictures").iterdir()) == [
        "caterpillar.png", "level1_residuals.png", "predictive_check.png", "shrinkage.png",
    ]  # fmt: skip


def test_an_empty_folder_takes_a_result(tmp_path: Path) -> None:
    out = tmp_path / "result"
    out.mkdir()
    with new_folder(out) as folder:
        (folder / "summary.txt").write_text("new")
    assert [path.name for path in out.iterdir()] == ["summary.txt"]


def test_result_replaces_a_previous_one_and_nothing_else(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, of_reml: Path
) -> None:
    out = tmp_path / "result"
    shutil.copytree(of_reml, out)
    run(capsys, "fit", NAME, "--method", "ml", "--out", out)
    assert sorted(path.name for path in out.iterdir()) == [
        "equations.txt", "manifest.json", "meanings.txt", "ml", "pictures", "summary.txt",
    ]  # fmt: skip
    own = out / "ml" / "notes.txt"
    own.write_text("mine")
    assert refusal(capsys, *REML_FIT, "--out", out) == (
        f"{out} has a file in it that is of no previous result: ml/notes.txt; "
        "move it away, or choose another folder"
    )
    assert own.read_text() == "mine"
    assert (out / "ml" / "fixef.csv").exists()


@pytest.mark.parametrize("content", ['{"name": "site", "files": ["a.txt"]}', "[]", "{"])
def test_manifest_of_something_else(
    content: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "manifest.json").write_text(content)
    (tmp_path / "a.txt").write_text("mine")
    message = "is not of a result of hierbayes; choose another folder for the result"
    assert refusal(capsys, *REML_FIT, "--out", tmp_path) == f"{tmp_path}/manifest.json {message}"
    assert (tmp_path / "a.txt").read_text() == "mine"


def test_a_failure_leaves_the_folder_as_it_was(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    of_reml: Path,
) -> None:
    out = tmp_path / "result"
    shutil.copytree(of_reml, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    def fail(folder: Path, *_: object) -> None:
        (folder / "summary.txt").write_text("half")
        raise OSError(28, "No space left on device", str(folder / "summary.txt"))

    monkeypatch.setattr(commands, "write_result", fail)
    assert main([*REML_FIT, "--out", str(out)]) == 2
    assert capsys.readouterr().err.endswith("summary.txt: No space left on device\n")
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "result"
    with pytest.raises(ResultFolderError, match="a file in it"), new_folder(out) as folder:
        (folder / "summary.txt").write_text("new")
        out.mkdir()
        (out / "mine.txt").write_text("mine")
    assert (out / "mine.txt").read_text() == "mine"


def test_where_nothing_can_be_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    message = "; choose another for the result"
    assert refusal(capsys, *REML_FIT, "--out", file) == f"{file} is not a folder{message}"
    below = refusal(capsys, *REML_FIT, "--out", file / "result")
    assert re.fullmatch(f"cannot write in {file}: .*; choose another folder for the result", below)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("group school\n", r".*model\.toml is not TOML: .*\(at line 1, column 7\)"),
        ("grup = 'school'\n", r".*, key 'grup': there is no such key; did you mean 'group'\? .*"),
        ("title = 'T'\n", r".*, key 'group': it is missing; write the name of a column, .*"),
        (
            "title = 'T'\ngroup = 'school'\nwithin = 'mathach ~ 1'\nrandom = ['1']\n",
            r".*, key 'dataset': it is missing and no data are given; .*",
        ),
    ],
)
def test_wrong_model_files(
    text: str, message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert re.fullmatch(message, refusal(capsys, "fit", model_file(tmp_path, text)))


# ---------------------------------------------------------------- models in other words


def test_equations(capsys: pytest.CaptureFixture[str]) -> None:
    model = load_model(NAME)
    assert run(capsys, "equations", NAME) == (
        "Intercepts and slopes as outcomes\n\n"
        f"{model.equations()}\n\nMeanings\n\n{model.meanings()}\n"
    )


def test_code_of_a_shipped_model(capsys: pytest.CaptureFixture[str]) -> None:
    name = "means_as_outcomes"  # which every system can say
    model = load_model(name)
    for system in hb.dialects().index:
        assert run(capsys, "emit", name, system) == f"{model.emit(system).rstrip()}\n"


def test_code_of_a_model_file(capsys: pytest.CaptureFixture[str]) -> None:
    path = shipped("models").joinpath(f"{NAME}.toml")
    output = run(capsys, "emit", path, "lme4", "--data", HS, "--name", "schools", "--ml")
    assert output == (
        "library(lme4)\n\n"
        "fit <- lmer(\n"
        "  mathach ~ Sector + ses + ses:Sector + (1 + ses | school),\n"
        "  data = schools,\n"
        "  REML = FALSE\n"
        ")\n"
    )


def test_code_that_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "emit", NAME, "lisrel") == (
        "no system is called 'lisrel'; those known are: nlme, lme4, glmmtmb, brms, rstanarm, "
        "bambi, pymc, statsmodels, sas, stata, hlm, mlwin"
    )
    assert refusal(capsys, "emit", NAME, "bambi") == (
        "bambi's group effects are independent; this model has the correlated block "
        "(1 + ses | school); write (1 + ses || school) if independence is meant"
    )
    assert refusal(capsys, "emit", NAME, "lme4", "--name", "my data") == (
        "R cannot call the data 'my data'; give a plain name"
    )
    assert refusal(capsys, "emit", "mean_as_outcomes", "lme4").startswith(
        "no model is called 'mean_as_outcomes'; did you mean 'means_as_outcomes'? "
    )


HEAVY = ("arviz", "matplotlib", "nutpie", "pymc", "pytensor")


def test_commands_without_a_fit_start_fast() -> None:
    code = "import sys; from hierbayes.cli import main\n" + "".join(
        f"main({command})\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)\n"
        for command in (["models"], ["equations", NAME], ["emit", NAME, "stata"])
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stderr == "[]\n" * 3


def test_missing_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    none = tmp_path / "none.toml"
    expected = f"cannot read the model file {none}: No such file or directory"
    assert refusal(capsys, "fit", none) == expected
    data = tmp_path / "none.csv"
    assert refusal(capsys, "fit", NAME, "--data", data) == f"{data}: No such file or directory"


def test_unknown_model(capsys: pytest.CaptureFixture[str]) -> None:
    message = refusal(capsys, "fit", "mean_as_outcomes")
    assert message.startswith(
        "no model is called 'mean_as_outcomes'; did you mean 'means_as_outcomes'? Those shipped "
    )


@pytest.mark.parametrize("column", ["school", "mathach", "ses", "Sector"])
def test_data_without_a_column(
    column: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "data.csv"
    hb.load_dataset("hs").drop(columns=column).to_csv(data, index=False)
    out = tmp_path / "result"
    assert f"'{column}'" in refusal(capsys, "fit", NAME, "--data", data, "--out", out)
    assert not out.exists()


def test_data_that_are_no_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_bytes(b"")
    message = f"{data} is empty; its first line must name the columns"
    assert refusal(capsys, "fit", NAME, "--data", data) == message


def test_a_formula_without_a_random_part_is_a_regression(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "result"
    words = ["fit", "--formula", "mathach ~ ses * Sector", "--data", str(HS), "--out", str(out)]
    assert main([*words, "--report"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Regression fit by REML") and "Shrinkage" not in said
    assert "-inf" not in said and "posterior" not in said
    assert sorted(path.name for path in (out / "reml").iterdir()) == [
        "fixef.csv", "intervals.csv", "var_corr.csv",
    ]  # fmt: skip
    assert (out / "report.html").is_file()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["fit"], "give a MODEL, or a formula as in --formula 'y ~ x + (1 | g)' (see"),
        (
            ["fit", NAME, "--formula", "y ~ x + (1 | g)"],
            f"the model is stated twice, by MODEL '{NAME}' and by --formula; keep one (see hier",
        ),
        (["fit", NAME, "--random", "~ 1 | g"], "--random goes with --formula; a MODEL has"),
        (["fit", "--random", "~ 1 | g"], "give a MODEL, or a formula"),
        (["fit", "--formula", "y ~ x + (1 | g)"], "--formula needs data, as in --data FILE.csv"),
        (["fit", "--formula", "y ~ x", "--data", HS], "there is no column 'y' in the data; its"),
        ([*REML_FIT, "--methods", "ml"], "unrecognized arguments: --methods ml"),
        (["fit", NAME, "--method", "gls"], "argument --method: invalid choice: 'gls'"),
        (["emit", NAME], "the following arguments are required: SYSTEM (see hierbayes emit --help"),
        (["equations"], "the following arguments are required: MODEL (see hierbayes equations"),
        (["fit", NAME, "--draws", "3"], "argument --draws: '3' is no whole number of at least 4"),
        (["fit", NAME, "--seed", "-1"], "argument --seed: "),
        (["fit", NAME, "--chains", "two"], "argument --chains: 'two' is no whole number of at"),
        (["plot"], "argument COMMAND: invalid choice: 'plot'"),
    ],
)
def test_wrong_usage(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, *argv).startswith(message)


def test_demo_is_the_worked_example(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[argparse.Namespace] = []
    monkeypatch.setattr(commands, "run", seen.append)
    assert main(["demo", "--out", "results"]) == 0
    (stated,) = seen
    assert (stated.command, stated.model, stated.method, stated.seed) == ("fit", NAME, None, 1)
    assert (stated.out, stated.data, stated.draws) == (Path("results"), None, None)
    assert stated.report == ""


def test_interruption(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "run", interrupt)
    assert main(["models"]) == 130
    assert capsys.readouterr().err == "hierbayes: error: interrupted\n"


def test_standard_errors_agree_with_the_intervals() -> None:
    """On nlme's scales an interval is ± z standard errors; the delta method is its first order."""
    fit = load_model(NAME).reml()
    narrow = fit.intervals(prob=1e-6)
    z = 1.2533141373155e-6  # the 0.5 + 5e-7 quantile of the normal distribution
    width = (narrow["upper"] - narrow["lower"]).to_numpy()[4:] / (2 * z)
    assert standard_errors(fit)[4:] == pytest.approx(width, rel=1e-6)


def test_standard_errors_at_the_boundary(hsfull: pd.DataFrame) -> None:
    fit = load_model(NAME, hsfull).reml()
    errors = standard_errors(fit)
    assert pd.notna(errors[:4]).all()
    assert pd.isna(errors[4:]).all()


def test_both_engines(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "result"
    sampler = ["--draws", "50", "--tune", "50", "--chains", "2", "--seed", "1", "--no-progress"]
    output = run(capsys, "fit", NAME, *sampler, "--out", out)
    places = [
        output.index(part)
        for part in (
            "Hierarchical model fit by REML",
            "Hierarchical model, posterior by NUTS",
            "Comparison of 2 fits: REML, posterior",
            "Shrinkage by REML",
            "Shrinkage by posterior",
            "Diagnosis of REML",
            "Diagnosis of posterior",
        )
    ]
    assert places == sorted(places)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["sampling"] == {"seed": 1, "chains": 2, "draws": 50, "tune": 50}
    written = {f"comparison/{name}.csv" for name in COMPARED}
    assert {"posterior.zarr", "posterior/ranef.csv"} | written <= set(manifest["files"])
    drawn = [f"pictures/{name}.png" for name in (*PICTURES, "comparison", "prior_posterior")]
    assert sorted(manifest["pictures"]) == sorted(drawn) and manifest["not_drawn"] == {}
    assert manifest["pictures"]["pictures/caterpillar.png"] == (
        "random effects in order, with intervals; posterior"
    )
    assert set(drawn) <= set(manifest["files"])
    tree = xr.open_datatree(out / "posterior.zarr", engine="zarr", consolidated=False)
    table = pd.read_csv(out / "comparison" / "variance.csv", index_col=[0, 1, 2])["estimate"]
    assert tree["posterior"]["u"].shape == (2, 50, 40, 2)
    sigma = tree["posterior"]["sigma"].to_numpy()
    assert table["sigma", "sigma", "posterior"] == pytest.approx(sigma.mean())
    assert table["sigma", "sigma", "REML"] == pytest.approx(load_model(NAME).reml().sigma)


# ---------------------------------------------------------------- several grouping factors


def test_several_grouping_factors(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both engines on pupils in schools, written and read back; pictures are tested elsewhere."""
    nothing: dict[str, dict[str, str]] = {"pictures": {}, "not_drawn": {}}
    monkeypatch.setattr(folder, "write_pictures", lambda *_: nothing)
    out = tmp_path / "result"
    formula = "math ~ year + (1 + year | school) + (1 | school:child)"
    pupils = hb.load_dataset("egsingle")
    pupils = pupils[pupils["school"].isin(pupils["school"].unique()[:4])].iloc[::2]
    children = pupils["child"].nunique()
    data = tmp_path / "pupils.csv"
    pupils.to_csv(data, index=False)
    sampler = ["--draws", "20", "--tune", "20", "--chains", "2", "--seed", "1", "--no-progress"]
    output = run(capsys, "fit", "--formula", formula, "--data", data, *sampler, "--out", out)
    for text in (
        "Comparison of 2 fits: REML, posterior",
        "Shrinkage by REML, 4 groups of 'school':",
        f"Shrinkage by posterior, first 5 of {children} groups of 'school:child':",
    ):
        assert text in output
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["groups"] == {"school": 4, "school:child": children}
    fit = hb.Model(formula, pd.read_csv(data, dtype={"school": str, "child": str})).reml()
    ranef = pd.read_csv(out / "reml" / "ranef.csv", dtype={"group": str}).set_index("factor")
    for factor, table in fit.ranef().items():
        own = ranef.loc[factor].set_index("group")[list(table)]
        pd.testing.assert_frame_equal(
            own, table, check_names=False, check_index_type=False, check_column_type=False
        )
    shrinkage = pd.read_csv(out / "posterior" / "shrinkage.csv")
    assert shrinkage["factor"].value_counts().to_dict() == {"school": 8, "school:child": children}
    variance = pd.read_csv(out / "comparison" / "variance.csv", index_col=[0, 1, 2])["estimate"]
    tree = xr.open_datatree(out / "posterior.zarr", engine="zarr", consolidated=False)
    sd = tree["posterior"]["sd"].mean(["chain", "draw"])
    for effect in ("Intercept|school", "Intercept|school:child"):
        found = float(sd.sel(effect=effect))
        assert variance["sd", effect, "posterior"] == pytest.approx(found)
    assert variance["sigma", "sigma", "REML"] == pytest.approx(fit.sigma)


def test_pictures_of_several_grouping_factors(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "result"
    data = Path(__file__).parent / "reference" / "factors" / "Oats.csv"
    formula = "yield ~ nitro + (1 + nitro | Block) + (1 | Variety)"
    run(capsys, "fit", "--formula", formula, "--data", data, "--method", "reml", "--out", out)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    by_factor = ("caterpillar", "level1_residuals", "shrinkage")
    drawn = {f"pictures/{name}_{k}.png" for name in by_factor for k in (1, 2)}
    once = {f"pictures/{name}.png" for name in ("beta_space_1", "effect_1", "predictive_check")}
    assert set(manifest["pictures"]) == drawn | once
    assert manifest["not_drawn"] == {}
    assert manifest["pictures"]["pictures/caterpillar_2.png"] == (
        "random effects in order, with intervals, by 'Variety'; REML"
    )
