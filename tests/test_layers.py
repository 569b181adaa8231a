"""The architecture: imports run downhill, without cycles, in the open, and are listed."""

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# A module may import its own layer and those before it.  "hierbayes" is the package's own
# __init__: it may import every layer, and only the layer after it may import it.
LAYERS = ("public_names", "errors", "value", "code_version", "compilation", "compiled_arrays",
          "compiling_process", "pymc_import", "nutpie_import", "display", "residuals",
          "specification", "frames", "sources", "families", "design", "language", "likelihood",
          "priors", "estimation", "translation", "fit", "inference", "studies", "plots", "report",
          "model", "library", "hierbayes", "cli")  # fmt: skip

# The imports that stand inside functions, by module: packages that take long to load (pymc,
# pytensor, nutpie, arviz, arviz_base, arviz_stats, matplotlib, scipy.stats, scipy.interpolate),
# named by their top, and modules of hierbayes that import one of those at their own top, named in
# full.
LAZY: dict[str, set[str]] = {
    "hierbayes.cli": {"hierbayes.cli.commands"},
    "hierbayes.design.tally_on_cluster": {"dask"},
    "hierbayes.sources.dask_frames": {"dask"},
    "hierbayes.sources.polars_frames": {"polars"},
    "hierbayes.display.steps": {"rich"},
    "hierbayes.estimation.importance": {"arviz_stats", "xarray"},
    "hierbayes.estimation.mode": {
        "scipy",
        "hierbayes.estimation.compiled",
        "hierbayes.estimation.graph",
        "hierbayes.estimation.graph_density",
    },
    "hierbayes.estimation.normal_at_mode": {"scipy"},
    "hierbayes.estimation.residual_mode": {"scipy"},
    "hierbayes.estimation.posterior": {
        "hierbayes.estimation.compiled",
        "hierbayes.estimation.graph",
        "hierbayes.estimation.nutpie_chains",
        "hierbayes.estimation.pymc_nuts",
    },
    "hierbayes.estimation.residual_posterior": {"hierbayes.estimation.residual_nuts"},
    "hierbayes.families.density_code": {"pytensor"},
    "hierbayes.families.hurdle": {"scipy"},
    "hierbayes.fit.convergence": {"arviz_stats"},
    "hierbayes.fit.densities": {"hierbayes.priors.density"},
    "hierbayes.fit.effects": {"xarray"},
    "hierbayes.fit.of_family.sampled": {
        "hierbayes.estimation.family_graph_nuts",
        "hierbayes.fit.of_family.graph",
    },
    "hierbayes.fit.predictions.labelled": {"xarray"},
    "hierbayes.fit.predictions.row_groups": {"xarray"},
    "hierbayes.fit.prior_groups": {"hierbayes.priors.draws", "xarray"},
    "hierbayes.fit.sampler_diagnosis": {"arviz_stats"},
    "hierbayes.fit.saving.loaded_fit": {"xarray"},
    "hierbayes.fit.saving.row_columns": {"pyarrow"},
    "hierbayes.fit.storage": {"xarray"},
    "hierbayes.inference.evidence.gaussian_integrand": {"hierbayes.priors.density"},
    "hierbayes.inference.evidence.proposals": {"scipy"},
    "hierbayes.inference.profiles.held_structured": {"scipy"},
    "hierbayes.inference.predictive.sampled_without": {"arviz_stats"},
    "hierbayes.model.posed_model": {
        "hierbayes.estimation.explicit_graph",
        "hierbayes.estimation.graph",
        "hierbayes.estimation.structured_graph",
        "hierbayes.fit.of_family.graph",
        "hierbayes.priors.draws",
        "hierbayes.studies.prior_predictive.prior_predictive",
        "hierbayes.translation.dialect",
        "hierbayes.translation.registry",
    },
    "hierbayes.sources.files": {"pyarrow"},
    "hierbayes.sources.object_storage": {"fsspec"},
    "hierbayes.sources.tables": {"pyarrow"},
    "hierbayes.plots.canvas": {"hierbayes.plots.picture"},
    "hierbayes.plots.density": {"scipy"},
    "hierbayes.plots.prior_curve": {"hierbayes.priors.density"},
    "hierbayes.plots.profile_curve": {"scipy"},
    "hierbayes.studies.calibration.curves": {"scipy"},
    "hierbayes.studies.calibration.truths": {"hierbayes.priors.draws"},
    "hierbayes.studies.comparison.implied_prior": {"hierbayes.priors.draws"},
    "hierbayes.studies.sensitivity.alternatives": {"hierbayes.priors.density"},
    "hierbayes.studies.sensitivity.derivatives": {"hierbayes.priors.density"},
    "hierbayes.studies.sensitivity.information": {"hierbayes.priors.density"},
    "hierbayes.priors.recession_cone": {"scipy"},
    "hierbayes.studies.sensitivity.moments": {"arviz_stats", "scipy"},
    "hierbayes.studies.sensitivity.power_scaling": {"arviz_stats"},
    "hierbayes.studies.sensitivity.support": {"hierbayes.priors.density"},
    "hierbayes.studies.sensitivity.weights": {"arviz_stats"},
}


# What other layers may import of likelihood/: its values and the functions of them.  The compiled
# functions behind them are its own, but for the modules that are built on one.
DOORS = {f"hierbayes.likelihood.{name}" for name in (
    "reading", "residual_moments", "theta", "gaussian", "state", "conditional", "covariance",
    "reduction", "variance_derivatives", "of_products", "latent_rows", "laplace", "dispersion",
    "mode_search",
)}  # fmt: skip
INSIDE: dict[str, set[str]] = {
    "hierbayes.estimation.graph": {"hierbayes.likelihood.op"},
    "hierbayes.estimation.structured_graph": {
        "hierbayes.likelihood.op",
        "hierbayes.likelihood.residual_moments",
    },
    "hierbayes.estimation.density": {"hierbayes.likelihood.native"},
    "hierbayes.estimation.family_inputs": {
        "hierbayes.likelihood.transported",
        "hierbayes.likelihood.transported_rows",
    },
    "hierbayes.estimation.latent_axes": {"hierbayes.likelihood.triangular"},
    "hierbayes.estimation.latent_criterion": {
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
    "hierbayes.estimation.joint_climb": {"hierbayes.likelihood.structured_cells"},
    "hierbayes.estimation.joint_spots": {"hierbayes.likelihood.triangular"},
    "hierbayes.estimation.joint_walk": {"hierbayes.likelihood.structured_passes"},
    "hierbayes.estimation.joint_likelihood": {"hierbayes.likelihood.profiled_curvature"},
    "hierbayes.estimation.sparse_walk": {"hierbayes.likelihood.sparse_point"},
    "hierbayes.estimation.sparse_steps": {"hierbayes.likelihood.sparse_profile"},
    "hierbayes.estimation.residual_search": {"hierbayes.likelihood.structured_blocks"},
    "hierbayes.estimation.residual_target": {"hierbayes.likelihood.structured_blocks"},
    "hierbayes.estimation.inputs": {"hierbayes.likelihood.sparse_native"},
    "hierbayes.estimation.density_kernels": {"hierbayes.likelihood.native"},
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted((ROOT / "hierbayes").rglob("*.py"))}


def imported(module: str, *, hidden: bool = False) -> set[str]:
    """What a module's import statements name, or those of them that are inside functions."""
    everywhere, inside = imports_of(module)
    return inside if hidden else everywhere


@cache
def imports_of(module: str) -> tuple[set[str], set[str]]:
    """What is named anywhere in a file, and inside functions."""
    everywhere, inside = set(), set()
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    rest: list[tuple[ast.AST, bool]] = [(tree, False)]
    while rest:
        node, is_inside = rest.pop()
        is_inside |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        names = set(named(node))
        everywhere |= names
        inside |= names if is_inside else set()
        # statements alone hold imports
        rest += [
            (child, is_inside)
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, ast.expr)
        ]
    return everywhere, inside


def named(node: ast.AST) -> Iterator[str]:
    """What an import statement names: ``from a import b`` is a.b where that is a module."""
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


def test_imports_are_absolute_and_run_downhill() -> None:
    def allowed(module: str) -> Sequence[str]:
        return LAYERS if module == "hierbayes" else LAYERS[: LAYERS.index(layer(module)) + 1]

    uphill = {
        (module, name)
        for module in MODULES
        for name in imported(module)
        if name.startswith(".") or (is_ours(name) and layer(name) not in allowed(module))
    }
    assert uphill == set()


def test_the_likelihood_is_entered_by_its_doors() -> None:
    entered = {
        (module, name)
        for module in MODULES
        for name in imported(module)
        if layer(name) == "likelihood" != layer(module)
    }
    doors = {(module, name) for module in MODULES for name in DOORS | INSIDE.get(module, set())}
    assert entered - doors == set()


def test_modules_said_to_stand_inside_the_likelihood_do() -> None:
    assert {module for module, names in INSIDE.items() if not names <= imported(module)} == set()


def test_no_import_cycles() -> None:
    imports = {module: set(filter(is_ours, imported(module))) for module in MODULES}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail("imported in a circle: " + " <- ".join(error.args[1]))


def test_imports_inside_functions_are_the_listed_ones() -> None:
    hidden = {
        module: {
            name if is_ours(name) else name.split(".")[0] for name in imported(module, hidden=True)
        }
        for module in MODULES
    }
    assert {module: names for module, names in hidden.items() if names} == LAZY


def test_architecture_lists_every_module() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| *`(hierbayes[\w.]*)` *\|", text, re.MULTILINE)
    assert sorted(rows) == sorted(MODULES)


def test_architecture_names_no_module_that_is_not_there() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert [name for name in re.findall(r"`(hierbayes[\w.]*)`", text) if name not in MODULES] == []


def test_architecture_lists_layers_in_their_order() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| *`hierbayes\.(\w+)", text, re.MULTILINE)
    assert rows[: len(MODULES) - 1] == sorted(rows[: len(MODULES) - 1], key=LAYERS.index)
    (chain,) = re.findall(r"^```\n(display.*?)```", text, re.MULTILINE | re.DOTALL)
    whole = [name for name in LAYERS if name != "hierbayes"]
    assert re.findall(r"\w+", chain) == whole[whole.index("display") :]
    _, packages, _ = re.split(r"^## (?:Packages|The way of a fit)$", text, flags=re.MULTILINE)
    told = [cell for row in re.findall(r"^\| (`.*?) \|", packages, re.MULTILINE)
            for cell in re.findall(r"`(\w+)`", row)]  # fmt: skip
    assert told == whole[whole.index("display") :]
