"""The architecture: imports run downhill, without cycles, in the open, and are listed."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# A module may import its own layer and those before it.  "hierbayes" is the package's own
# __init__: it may import every layer, and only the layer after it may import it.
LAYERS = ("public_names", "errors", "compilation", "pymc_import", "display", "specification",
          "frames", "families", "design", "language", "likelihood", "priors", "estimation",
          "translation", "fit", "inference", "studies", "plots", "report", "model", "library",
          "hierbayes", "cli")  # fmt: skip

# The imports that stand inside functions, by module: packages that take long to load (pymc,
# pytensor, nutpie, arviz, arviz_base, arviz_stats, matplotlib, scipy.stats, scipy.interpolate),
# named by their top, and modules of hierbayes that import one of those at their own top, named in
# full.
LAZY: dict[str, set[str]] = {
    "hierbayes.cli": {"hierbayes.cli.commands"},
    "hierbayes.display.steps": {"rich"},
    "hierbayes.estimation.laplace_search": {"scipy"},
    "hierbayes.estimation.importance": {"arviz_stats", "xarray"},
    "hierbayes.estimation.mode": {
        "scipy",
        "hierbayes.estimation.compiled",
        "hierbayes.estimation.graph",
        "hierbayes.estimation.graph_density",
    },
    "hierbayes.estimation.normal_at_mode": {"scipy"},
    "hierbayes.estimation.posterior": {
        "hierbayes.estimation.compiled",
        "hierbayes.estimation.graph",
        "hierbayes.estimation.nutpie_chains",
        "hierbayes.estimation.pymc_nuts",
    },
    "hierbayes.families.density_code": {"pytensor"},
    "hierbayes.families.hurdle": {"scipy"},
    "hierbayes.fit.convergence": {"arviz_stats"},
    "hierbayes.fit.diagnosis": {"arviz_stats"},
    "hierbayes.fit.effects": {"xarray"},
    "hierbayes.fit.of_family.sampled": {
        "hierbayes.estimation.family_graph_nuts",
        "hierbayes.fit.of_family.graph",
    },
    "hierbayes.fit.predictions.labelled": {"xarray"},
    "hierbayes.fit.storage": {"xarray"},
    "hierbayes.model.posed_model": {
        "hierbayes.estimation.graph",
        "hierbayes.fit.of_family.graph",
        "hierbayes.priors.draws",
        "hierbayes.studies.prior_predictive.prior_predictive",
        "hierbayes.translation.dialect",
        "hierbayes.translation.registry",
    },
    "hierbayes.plots.canvas": {"hierbayes.plots.picture"},
    "hierbayes.plots.density": {"scipy"},
    "hierbayes.plots.prior_curve": {"hierbayes.priors.density"},
    "hierbayes.plots.profile_curve": {"scipy"},
    "hierbayes.studies.comparison.implied_prior": {"hierbayes.priors.draws"},
    "hierbayes.studies.sensitivity.alternatives": {"hierbayes.priors.density"},
    "hierbayes.studies.sensitivity.derivatives": {"hierbayes.priors.density"},
    "hierbayes.studies.sensitivity.information": {"hierbayes.priors.density"},
    "hierbayes.studies.sensitivity.moments": {"arviz_stats", "scipy"},
    "hierbayes.studies.sensitivity.power_scaling": {"arviz_stats"},
    "hierbayes.studies.sensitivity.support": {"hierbayes.priors.density"},
    "hierbayes.studies.sensitivity.densities": {
        "hierbayes.priors.density",
    },
    "hierbayes.studies.sensitivity.weights": {"arviz_stats"},
}


# What other layers may import of likelihood/: its values and the functions of them.  The compiled
# functions behind them are its own, but for the modules that are built on one.
DOORS = {f"hierbayes.likelihood.{name}" for name in (
    "reading", "theta", "gaussian", "state", "conditional", "covariance", "reduction",
    "variance_derivatives", "of_products", "latent_rows", "laplace", "dispersion",
)}  # fmt: skip
INSIDE: dict[str, set[str]] = {
    "hierbayes.estimation.graph": {"hierbayes.likelihood.op"},
    "hierbayes.estimation.density": {"hierbayes.likelihood.native"},
    "hierbayes.estimation.family_inputs": {"hierbayes.likelihood.transported"},
    "hierbayes.estimation.laplace_search": {
        "hierbayes.likelihood.curvature",
        "hierbayes.likelihood.quadrature",
    },
    "hierbayes.estimation.family_marginals": {
        "hierbayes.likelihood.curvature",
        "hierbayes.likelihood.quadrature",
    },
    "hierbayes.estimation.latent_problem": {
        "hierbayes.likelihood.curvature",
        "hierbayes.likelihood.sparse_curvature",
    },
    "hierbayes.estimation.inputs": {"hierbayes.likelihood.sparse_native"},
    "hierbayes.estimation.density_kernels": {"hierbayes.likelihood.native"},
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(path): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "hierbayes").rglob("*.py"))
}


def imported(tree: ast.AST) -> Iterator[str]:
    """What a tree's import statements name: ``from a import b`` is a.b where that is a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield inner if inner in MODULES else source


def is_ours(name: str) -> bool:
    return name.split(".")[0] == "hierbayes"


def layer(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def test_every_module_is_in_a_layer() -> None:
    assert [module for module in MODULES if layer(module) not in LAYERS] == []


@pytest.mark.parametrize("module", MODULES)
def test_imports_are_absolute_and_run_downhill(module: str) -> None:
    names = list(imported(MODULES[module]))
    assert [name for name in names if name.startswith(".")] == []
    allowed = LAYERS if module == "hierbayes" else LAYERS[: LAYERS.index(layer(module)) + 1]
    assert [name for name in names if is_ours(name) and layer(name) not in allowed] == []


@pytest.mark.parametrize("module", [name for name in MODULES if layer(name) != "likelihood"])
def test_the_likelihood_is_entered_by_its_doors(module: str) -> None:
    names = {name for name in imported(MODULES[module]) if layer(name) == "likelihood"}
    assert names <= DOORS | INSIDE.get(module, set())


def test_modules_said_to_stand_inside_the_likelihood_do() -> None:
    found = {module: set(imported(MODULES[module])) for module in INSIDE}
    assert all(names <= found[module] for module, names in INSIDE.items())


def test_no_import_cycles() -> None:
    imports = {module: set(filter(is_ours, imported(tree))) for module, tree in MODULES.items()}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail("imported in a circle: " + " <- ".join(error.args[1]))


def hidden_imports(tree: ast.AST) -> set[str]:
    nodes = ast.walk(tree)
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    names = {name for function in functions for name in imported(function)}
    return {name if is_ours(name) else name.split(".")[0] for name in names}


def test_imports_inside_functions_are_the_listed_ones() -> None:
    hidden = {module: hidden_imports(tree) for module, tree in MODULES.items()}
    assert {module: names for module, names in hidden.items() if names} == LAZY


def test_architecture_lists_every_module() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| *`(hierbayes[\w.]*)` *\|", text, re.MULTILINE)
    assert sorted(rows) == sorted(MODULES)


def test_architecture_names_no_module_that_is_not_there() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert [name for name in re.findall(r"`(hierbayes[\w.]*)`", text) if name not in MODULES] == []
