"""README and guide: their code runs, and what they show is what the code prints."""

import contextlib
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import hierbayes as hb
from tests.pictures import FOLDER, pictures

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
TEXT = "".join(
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "notebooks/guide.md")
)
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
SHOWN = [text for language, text in BLOCKS if not language]


def lines_of(text: str) -> list[str]:
    """Lines without trailing blanks; numbers that are zero but for rounding count as equal."""
    plain = re.sub(r"-?\d\.\de-\d\d", "0", text)
    return [line.rstrip() for line in plain.strip().splitlines()]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The names that the code blocks leave, run one after the other; files go to a folder."""
    names: dict[str, Any] = {}
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "data", folder / "data")
    with contextlib.chdir(folder):
        _run_blocks(names)
    return names


def _run_blocks(names: dict[str, Any]) -> None:
    for block in PYTHON:
        slow = r"\b((?:sample|bootstrap|predictive_check)\(.*?)seed=1"
        quiet = re.sub(slow, r"\1seed=1, progress=False", block)
        few = quiet.replace("n=200", "n=20")  # of bootstraps, of which nothing is shown
        few = re.sub(r"replications=\d+", "replications=2, refits=2, progress=False", few)
        few = re.sub(r"(power\(.*)refits=2, ", r"\1", few)
        exec(compile(few, "README and guide", "exec"), names)


def test_every_code_block_runs(space: dict[str, Any]) -> None:
    assert isinstance(space["post"], hb.Fit)


def test_the_reml_summary_shown_is_the_one_printed() -> None:
    data = hb.load_dataset("hs")
    fit = hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=data).reml()
    assert lines_of(str(fit)) in [lines_of(text) for text in SHOWN]


def test_the_words_code_and_slopes_shown_are_those_printed() -> None:
    data = hb.load_dataset("hs")
    model = hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=data)
    context = hb.Model("mathach ~ ses + cvar(ses, school) + (1 | school)", data=data).reml()
    printed = (model.meanings(), model.emit("stata", data="hs"), context.contextual("ses"))
    for value in printed:
        assert lines_of(str(value)) in [lines_of(text) for text in SHOWN]


def test_the_equations_of_a_family_shown_are_those_printed() -> None:
    data = hb.load_dataset("hs")
    model = hb.Model("Minority ~ ses + (1 | school)", data=data, family="bernoulli")
    shown = [lines_of(text) for text in SHOWN]
    assert lines_of(str(model.equations().within)) in shown


def test_the_limits_of_errors_shown_are_those_printed() -> None:
    errors = hb.residuals.AR1("age") * hb.residuals.Strata("Sex")
    data = hb.load_dataset("orthodont")
    fit = hb.Model("distance ~ age * Sex + (1 | Subject)", data, residual=errors).reml()
    printed = fit.intervals().loc["residual"].round(2)
    assert lines_of(str(printed)) in [lines_of(text) for text in SHOWN]


def test_the_equations_of_three_levels_shown_are_those_printed() -> None:
    data = hb.load_dataset("egsingle")
    growth = hb.Model("math ~ year + lowinc + (1 + year | school/child)", data=data)
    between = growth.equations().between
    assert lines_of(str(between)) in [lines_of(text) for text in SHOWN]
    assert hb.load_model("growth_in_schools").multilevel() == growth.multilevel()


def test_the_pictures_shown_are_those_that_are_drawn() -> None:
    linked = re.findall(r"!\[.*?\]\((?:notebooks/)?pictures/(\w+)\.png\)", TEXT)
    stored = sorted(path.stem for path in FOLDER.glob("*.png"))
    assert sorted(linked) == stored == sorted(pictures())


def test_the_table_of_systems_is_that_of_the_dialects() -> None:
    table = hb.dialects()
    written, read = (
        [cell.strip() == "yes" for cell in line.split("|")[2:-1]]
        for line in TEXT.splitlines()
        if line.startswith(("| written |", "| read |"))
    )
    assert written == table["emits"].tolist()
    assert read == table["reads"].tolist()


def test_the_posterior_shown_agrees_with_the_posterior_within_its_error(
    space: dict[str, Any],
) -> None:
    table = space["post"].summary().parameters
    shown = next(text for text in SHOWN if "posterior by NUTS" in text)
    for (block, name), row in table.iterrows():
        label = name if block in ("gamma", "sigma") else f"{block}({name})"
        (line,) = (text for text in lines_of(shown) if text.startswith(f"{label}  "))
        mean, sd = (float(number) for number in line[len(label) :].split()[:2])
        assert abs(mean - row["mean"]) < 6 * row["mcse_mean"]
        assert sd == pytest.approx(row["sd"], rel=0.1)


def test_the_singular_fit_shown_is_the_one_diagnosed() -> None:
    data = hb.load_dataset("hsfull")
    fit = hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=data).reml()
    assert lines_of(str(fit.diagnose())) in [lines_of(text) for text in SHOWN]


def test_the_verdicts_shown_are_those_of_the_study() -> None:
    data = hb.load_dataset("hsfull")
    model = hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=data)
    study = hb.SensitivityStudy(model.sample(seed=1, progress=False), progress=False)
    shown = next(text for text in SHOWN if "no prior tried" in text)
    items = [" ".join(item.split()) for item in shown.split("  - ")[1:]]
    assert len(items) == 3
    for item in items:
        name, verdict = item.split(": ", 1)
        assert words(verdict) == words(study.verdicts[name])


def words(text: str) -> str:
    """The words of a verdict that do not hang on Monte Carlo error.

    Two of the numbers shown, 0.94 and 0.06, are nearer to the limits of the rules, 1 and 0.05,
    than draws can tell.
    """
    text = text.replace("decided by", "depends on")
    text = re.sub(r"; near the baseline it answers to [^;]*(?=;|$)", "", text)
    return re.sub(r"[-+]?\d+(\.\d+)?", "#", text)
