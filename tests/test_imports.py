"""What is loaded when: nothing before it is used, and every public name when it is."""

import ast
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

import hierbayes as hb
from hierbayes import plots

PACKAGES = (hb, plots)
NAME = "hierbayes"


def loaded(code: str) -> set[str]:
    """The modules in a new process after it ran some code, of the package in full."""
    code += "\nimport json, sys; print(json.dumps(list(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    names = json.loads(done.stderr)
    return {name if name.split(".")[0] == NAME else name.split(".")[0] for name in names}


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.split(".")[0] == NAME}


# ---------------------------------------------------------------- what is loaded


OTHERS = {"numpy", "pandas", "scipy", "numba", "formulaic", "xarray", "rich", "matplotlib",
          "arviz_base", "arviz_stats", "nutpie", "pymc", "pytensor"}  # fmt: skip


def test_importing_the_package_loads_nothing_else() -> None:
    modules = loaded("import hierbayes")
    assert ours(modules) == {NAME, "hierbayes.public_names"}
    assert modules & OTHERS == set()


@pytest.mark.parametrize("words", [["--help"], ["fit", "--help"], ["--version"], ["emit", "-h"]])
def test_help_loads_nothing_but_the_arguments(words: Sequence[str]) -> None:
    modules = loaded(
        "from hierbayes.cli import main\n"
        f"try: main({words})\n"
        "except SystemExit as stopped: assert stopped.code == 0"
    )
    assert ours(modules) == {
        NAME, "hierbayes.public_names", "hierbayes.errors", "hierbayes.cli",
        "hierbayes.cli.arguments",
    }  # fmt: skip
    assert modules & OTHERS == set()


FIT = """
import sys, pandas
from hierbayes import Model
data = pandas.DataFrame({"g": [*"aabbcc"], "x": [1.0, 2, 3, 4, 5, 7], "y": [1.0, 2, 4, 3, 7, 5]})
fit = Model("y ~ x + (1 | g)", data).reml()
print(fit, fit.coef, fit.ranef())
assert "scipy.optimize" not in sys.modules
"""


@pytest.mark.slow
def test_a_fit_by_reml_loads_what_it_needs_and_no_other_room() -> None:
    modules = loaded(FIT)
    assert modules & OTHERS == {"numpy", "pandas", "scipy", "numba", "formulaic"}
    rooms = {name.split(".")[1] for name in ours(modules) if "." in name}
    assert rooms == {
        "code_version", "compilation", "compiled_arrays", "compiling_process", "design", "display",
        "errors", "estimation", "families", "fit", "frames", "language", "likelihood", "model",
        "priors", "public_names", "residuals", "sources", "specification", "value",
    }  # fmt: skip


POSTERIOR = (
    FIT[: FIT.index("fit =")]
    + """
fit = Model("y ~ x + (1 | g)", data).sample(draws=20, tune=20, chains=1, progress=False, seed=1)
assert fit.draws("gamma").shape == (1, 20, 2)
assert not {"arviz", "arviz_base", "matplotlib", "pymc"} & set(sys.modules)
import arviz
assert sys.modules["nutpie.sample"].arviz.ess is arviz.ess
"""
)


@pytest.mark.slow
def test_a_posterior_loads_neither_pymc_nor_arviz_nor_matplotlib() -> None:
    assert {"arviz", "arviz_base"} <= loaded(POSTERIOR)


# ---------------------------------------------------------------- public names


def test_names_are_the_same_for_type_checkers_as_when_they_load() -> None:
    for package in PACKAGES:
        assert isinstance(package.__file__, str)
        tree = ast.parse(Path(package.__file__).read_text(encoding="utf-8"))
        (checked,) = (
            node
            for node in tree.body
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        )
        homes: dict[str, list[str]] = {}
        for node in checked.body:
            assert isinstance(node, ast.ImportFrom) and node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if isinstance(getattr(package, alias.name), ModuleType):
                    homes[inner] = []
                else:
                    homes.setdefault(node.module, []).append(alias.name)
        table = {module: sorted(names) for module, names in package._HOMES.items()}
        assert table == {module: sorted(names) for module, names in homes.items()}


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_those_listed(package: ModuleType) -> None:
    assert dir(package) == sorted(package.__all__) == sorted(set(package.__all__))
    for name in package.__all__:
        value = getattr(package, name)
        assert vars(package)[name] is value
        assert isinstance(value, ModuleType) or value.__name__ == name


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_has_the_name_of_something_else_in_its_package(package: ModuleType) -> None:
    """The import of such a module would put it in the place of the public name."""
    (folder,) = package.__path__
    modules = {path.stem for path in Path(folder).iterdir()} & set(package.__all__)
    assert modules == ({"families", "plots", "residuals"} if package is hb else set())


def test_star_gives_all_public_names() -> None:
    space: dict[str, object] = {}
    exec("from hierbayes import *", space)
    assert set(hb.__all__) <= set(space)


@pytest.mark.parametrize(
    ("package", "name", "message"),
    [
        (hb, "Modell", "module 'hierbayes' has no attribute 'Modell'; did you mean 'Model'?"),
        (hb, "lkj", "module 'hierbayes' has no attribute 'lkj'; did you mean 'LKJ'?"),
        (hb, "zzzzzz", "module 'hierbayes' has no attribute 'zzzzzz'"),
        (
            plots,
            "plot_rigde",
            "module 'hierbayes.plots' has no attribute 'plot_rigde'; did you mean 'plot_ridge'?",
        ),
    ],
)
def test_unknown_names(package: ModuleType, name: str, message: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(package, name)
    assert str(caught.value) == message
