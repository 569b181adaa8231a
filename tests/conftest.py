"""Data, golden numbers and fits that several test modules share, each made once a session."""

import gc
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from tests.exact import exact_posterior

# They make reference numbers, by another package.
collect_ignore = [
    "reference/families.py",
    "reference/margins.py",
    "reference/small_residuals.py",
    "reference/small_residuals_factors.py",
]
REFERENCE = Path(__file__).parent / "reference"
MODELS = (
    "oneway", "means_as_outcomes", "ancova", "random_coefficients", "intercepts_slopes",
    "nonrandom_slopes", "parallel_mean_slopes", "contextual_cwg", "contextual_raw",
    "intercepts_slopes_cwg", "means_as_outcomes_ctx", "intercepts_slopes_ctx",
    "parallel_mean_slopes_ctx", "contextual_raw_ri",
)  # fmt: skip

# R's names of terms and effects, and their spelling in formulas and columns of hierbayes.
SPELLINGS = {
    "(Intercept)": "Intercept",
    "SectorPublic": "Sector[T.Public]",
    "ses.m": "cvar(ses, school)",
    "ses.d": "dvar(ses, school)",
}


# Of two processes one runs the first file, which compiles most of what Gaussian models use, and the
# other meanwhile what does without: neither compiles what the other does.
FIRST = ("test_compare_factors.py", "test_families.py", "test_family_graph.py", "test_cli.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files named `FIRST` come first, the others as they are; what opens a browser is slow."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")
    places = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(FIRST)))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Millions of objects that stay until the end are not searched for garbage again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def spelled(text: str) -> str:
    """R's name of a term, or R's formula, as hierbayes spells it."""
    for theirs, ours in SPELLINGS.items():
        text = text.replace(theirs, ours)
    return text


class Cache[T](dict[str, T]):
    """Values made when first asked for."""

    def __init__(self, make: Callable[[str], T]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, name: str) -> T:
        self[name] = self.make(name)
        return self[name]


def _read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((REFERENCE / name).read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="session")
def hs() -> pd.DataFrame:
    return hb.load_dataset("hs")


@pytest.fixture(scope="session")
def hsfull() -> pd.DataFrame:
    return hb.load_dataset("hsfull")


@pytest.fixture(scope="session")
def reference() -> dict[str, Any]:
    """R's numbers (see reference/README.md), the names of terms and effects spelled our way."""
    loaded = _read("hs.json")
    assert tuple(loaded["models"]) == MODELS
    for model in loaded["models"].values():
        for key in ("fixed", "random"):
            model[key] = spelled(model[key])
        for key in ("terms", "effects"):
            model[key] = [spelled(name) for name in model[key]]
        coef = model["REML"]["coef"]
        coef["columns"] = [spelled(name) for name in coef["columns"]]
    return loaded


@pytest.fixture(scope="session")
def posterior_exact() -> dict[str, Any]:
    """Posterior of three models by quadrature (see reference/README.md), under R's names."""
    return _read("posterior_exact.json")


@pytest.fixture(scope="session")
def inference() -> dict[str, Any]:
    """Tests of the fixed effects by R (see reference/README.md), under R's names."""
    loaded = _read("inference.json")
    assert tuple(loaded["models"]) == MODELS
    return loaded


@pytest.fixture(scope="session")
def diagnostics() -> dict[str, Any]:
    """R², Hausman's statistics and slopes by R (see reference/README.md), under R's names."""
    return _read("diagnostics.json")


@pytest.fixture(scope="session")
def slides_tables() -> dict[str, Any]:
    """Tables of data as the slides print them, cell by cell (see reference/README.md)."""
    return _read("slides_tables.json")


@pytest.fixture(scope="session")
def models(hs: pd.DataFrame, reference: dict[str, Any]) -> Cache[hb.Model]:
    """The models of the reference by name."""

    def make(name: str) -> hb.Model:
        stated = reference["models"][name]
        return hb.Model(stated["fixed"], random=stated["random"], data=hs)

    return Cache(make)


@pytest.fixture(scope="session")
def reml_fits(models: Cache[hb.Model]) -> Cache[hb.PointFit]:
    """The REML fit of each model by name."""
    return Cache(lambda name: models[name].reml())


@pytest.fixture(scope="session")
def ml_fits(models: Cache[hb.Model]) -> Cache[hb.PointFit]:
    """The ML fit of each model by name."""
    return Cache(lambda name: models[name].ml())


@pytest.fixture(scope="session")
def posterior_hs(hs: pd.DataFrame, reference: dict[str, Any]) -> hb.PosteriorFit:
    """Posterior of ``intercepts_slopes`` under the priors of ``posterior_exact``, not sampled."""
    stated = reference["models"]["intercepts_slopes"]
    priors = {
        "gamma": hb.Normal(0, 20),
        "sd": hb.HalfNormal(10),
        "corr": hb.LKJ(2),
        "sigma": hb.HalfNormal(10),
    }
    model = hb.Model(stated["fixed"], random=stated["random"], data=hs, priors=priors)
    return exact_posterior(model)


@pytest.fixture(scope="session")
def studied(hs: pd.DataFrame, hsfull: pd.DataFrame) -> Cache[hb.Model]:
    """``mathach ~ ses * Sector`` with ``~ 1 + ses | school`` under default priors, by data set."""
    data = {"hs": hs, "hsfull": hsfull}
    return Cache(
        lambda name: hb.Model("mathach ~ ses * Sector", "~ 1 + ses | school", data=data[name])
    )


@pytest.fixture(scope="session")
def baselines(studied: Cache[hb.Model]) -> Cache[hb.PosteriorFit]:
    """The posterior of each of these, 4 × 1000 independent draws that no sampler made."""
    return Cache(lambda name: exact_posterior(studied[name]))


@pytest.fixture(scope="session")
def small_data() -> pd.DataFrame:
    """Eight groups of four to eleven rows; y has a random slope in x, and w is one of groups."""
    rng = np.random.default_rng(11)
    sizes = np.arange(4, 12)
    codes = np.repeat(np.arange(8), sizes)
    n = len(codes)
    x, w = rng.normal(size=n), rng.normal(size=8)[codes]
    u = rng.normal(size=(8, 2)) * [1.0, 0.6]
    y = 2.0 + 0.5 * x - 0.8 * w + u[codes, 0] + u[codes, 1] * x + rng.normal(0.0, 1.2, n)
    return pd.DataFrame({"y": y, "x": x, "w": w, "g": np.array(list("abcdefgh"))[codes]})


@pytest.fixture(scope="session")
def small(small_data: pd.DataFrame) -> hb.Model:
    return hb.Model("y ~ x + w", "~ 1 + x | g", data=small_data)


@pytest.fixture(scope="session")
def small_posterior(small: hb.Model) -> hb.PosteriorFit:
    """Its posterior under default priors, 4 × 250 independent draws that no sampler made."""
    return exact_posterior(small, draws=250, seed=2)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium, until the module ends: its loop would be in the way of another."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail("tests of pages need Chromium: tests/browser.sh installs it")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def open_pages(browser: Any) -> Iterator[Any]:
    """Opens pages in the browser; what one says or asks for that it must not, fails."""
    from tests.browsing import Pages  # noqa: PLC0415

    pages = Pages(browser)
    yield pages
    assert pages.wrong == []


@pytest.fixture
def opened(open_pages: Any) -> Iterator[Any]:
    """The same for one test, whose pages are closed after it."""
    before = len(open_pages.open)
    yield open_pages
    open_pages.close_from(before)
    assert open_pages.wrong == []
