"""The folder of a result: its files, and how it takes the place of a previous one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from hierbayes.design.design import Design
from hierbayes.errors import ResultFolderError
from hierbayes.fit.effects import ranef, shrinkage
from hierbayes.fit.fit import Fit
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.language.equations import equations
from hierbayes.language.meanings import meanings
from hierbayes.report.pictures import write_pictures
from hierbayes.report.scratch import NEW, OLD, scratch
from hierbayes.report.text import report
from hierbayes.studies.comparison.comparison import Comparison

MANIFEST = "manifest.json"
DRAWS = "posterior.zarr"
COMPARISON = "comparison"
_MAKER = "hierbayes"


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `target` when the block ends.

    Until then it lies beside `target`, and a block that fails leaves `target` as it was.  What runs
    that were killed left there is cleared.

    Raises
    ------
    ResultFolderError
        Before the block: when `target` holds anything but the files of a previous result, or
        nothing can be written beside it.
    """
    target = target.resolve()
    refuse_foreign(target)
    with scratch(target) as folder:
        new, old = folder / NEW, folder / OLD
        new.mkdir()
        yield new
        refuse_foreign(target)
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise


def refuse_foreign(target: Path) -> None:
    """Refuse a target that is no folder, or has files in it that no result wrote."""
    if not target.exists():
        return
    if not target.is_dir():
        raise ResultFolderError(f"{target} is not a folder; choose another for the result")
    known = {MANIFEST, *_manifest_files(target / MANIFEST)}
    for path in sorted(target.rglob("*")):
        inside = PurePosixPath(path.relative_to(target).as_posix())
        if not path.is_dir() and not any(str(part) in known for part in (inside, *inside.parents)):
            raise ResultFolderError(
                f"{target} has a file in it that is of no previous result: {inside}; "
                "move it away, or choose another folder"
            )


def _manifest_files(manifest: Path) -> list[str]:
    """The files of a previous result; none if there is no manifest of ours."""
    try:
        content = json.loads(manifest.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get("made_by") != _MAKER:
        raise ResultFolderError(
            f"{manifest} is not of a result of {_MAKER}; choose another folder for the result"
        )
    return [str(name) for name in content.get("files", ())]


def write_result(
    folder: Path,
    fits: Sequence[Fit],
    about: Mapping[str, Any],
    comparison: Comparison | None = None,
) -> None:
    """Write the fits of one model into an empty folder.

    Parameters
    ----------
    folder : Path
    fits : sequence of Fit
        Fits of one model by different engines.
    about : mapping
        What else the manifest is to say, as of the model and the data.
    comparison : Comparison, optional
        Of these fits.

    Notes
    -----
    ``summary.txt``; ``equations.txt`` and ``meanings.txt``, the model in symbols and in words;
    a folder of tables for each engine, those by group with a column ``factor`` where there are
    several grouping factors, and one for the comparison where there is one;
    ``pictures``; ``posterior.zarr``, an ArviZ DataTree; ``manifest.json``, which says what each
    picture shows and which could not be drawn.
    """
    (folder / "summary.txt").write_text(report(fits, comparison), encoding="utf-8")
    problem = fits[0].problem
    words = {"equations": equations(problem), "meanings": meanings(problem)}
    for name, value in words.items():
        (folder / f"{name}.txt").write_text(f"{value}\n", encoding="utf-8")
    for fit in fits:
        _write_tables(folder / fit.engine.lower(), fit)
    if comparison is not None:
        (folder / COMPARISON).mkdir()
        for name, table in comparison.tables().items():
            table.to_csv(folder / COMPARISON / f"{name}.csv")
    for fit in fits:
        if isinstance(fit, PosteriorFit):
            fit.to_datatree().to_zarr(folder / DRAWS, consolidated=False)
    drawn = write_pictures(folder, fits, comparison)
    content = _manifest(fits, about) | drawn | {"files": _files(folder)}
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def _write_tables(folder: Path, fit: Fit) -> None:
    folder.mkdir()
    tables = {
        "fixef": fit.summary().fixed,
        "var_corr": fit.var_corr(),
        "intervals": fit.intervals(),
    }
    grouped = bool(fit.design.specification.random)
    if grouped:
        tables["ranef"] = _of_all_factors(fit, ranef)
    if grouped and fit.problem.family is None:
        tables["shrinkage"] = _of_all_factors(fit, shrinkage)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv")


def _of_all_factors(
    fit: Fit, table_of: Callable[[Fitted, int | None], pd.DataFrame]
) -> pd.DataFrame:
    """A table by group; of several grouping factors with a level of the index that says which."""
    names = fit.design.specification.factors
    if len(names) == 1:
        return table_of(fit, None)
    return pd.concat({name: table_of(fit, k) for k, name in enumerate(names)}, names=["factor"])


def _files(folder: Path) -> list[str]:
    """Every file by its path in the folder; the store of draws counts as one."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    inside = (path.relative_to(folder) for path in paths)
    return sorted({DRAWS if path.parts[0] == DRAWS else path.as_posix() for path in inside})


def _numbers_of_groups(design: Design) -> int | dict[str, int]:
    """How many groups; of several grouping factors by factor."""
    if len(design.factors) == 1:
        return design.J
    return {factor.name: factor.J for factor in design.factors}


def _manifest(fits: Sequence[Fit], about: Mapping[str, Any]) -> dict[str, Any]:
    design = fits[0].design
    content: dict[str, Any] = {
        "made_by": _MAKER,
        "versions": {name: version(name) for name in ("hierbayes", "pymc", "nutpie", "numpy")},
        **about,
        "formula": str(design.specification),
        "rows": design.n,
        "groups": _numbers_of_groups(design),
        "dropped": str(design.dropped),
        "engines": [fit.engine for fit in fits],
    }
    for fit in fits:
        if fit.priors is not None:
            rows = fit.priors.frame().reset_index()
            content["priors"] = rows.to_dict(orient="records")
        if isinstance(fit, PosteriorFit):
            chains, draws = fit.theta.sigma.shape
            tune, seed = fit.evidence.tune, fit.evidence.seed
            content["sampling"] = {"seed": seed, "chains": chains, "draws": draws, "tune": tune}
    return content
