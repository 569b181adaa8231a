"""The commands: what each does with its arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from hierbayes.cli.arguments import READING
from hierbayes.errors import UsageError
from hierbayes.fit.fit import Fit
from hierbayes.frames.csv_file import read_csv
from hierbayes.library.loading import load_model
from hierbayes.library.model_file import OF_ROWS, ModelFile, read_model_file
from hierbayes.library.shipped_models import find_model_file, model_names, shipped_model
from hierbayes.model.model import Model
from hierbayes.report.folder import new_folder, write_result
from hierbayes.report.page.writing import write_fits_report
from hierbayes.report.text import report
from hierbayes.residuals.text import read_residual_text
from hierbayes.sources.files import only_streams
from hierbayes.specification.formula import read_combined
from hierbayes.studies.comparison.comparison import compare
from hierbayes.translation.registry import dialects

REPORT = "report.html"
_SAMPLER = ("draws", "tune", "chains", "seed")


def run(arguments: argparse.Namespace) -> None:
    """Do what the arguments say."""
    _COMMANDS[arguments.command](arguments)


def _models(_: argparse.Namespace) -> None:
    blocks = []
    for name in model_names():
        file = read_model_file(shipped_model(name))
        equations = str(file.equations).replace("\n", "\n    ")
        blocks.append(f"{name}\n  {file.title}\n    {equations}")
    print("\n\n".join(blocks))


def _systems(_: argparse.Namespace) -> None:
    for name, row in dialects().iterrows():
        print(f"{name:<12} {row['title']}")


def _read(arguments: argparse.Namespace, group: Sequence[str]) -> Any:
    """The data in the CSV file that the arguments name, or else the files, whose rows stream."""
    stated = {name: getattr(arguments, name) for name in READING}
    settings = {name: value for name, value in stated.items() if value is not None}
    if not only_streams(arguments.data):
        return read_csv(arguments.data, group, **settings)
    for name in settings:
        raise UsageError(
            f"--{name} says how one file of CSV is read, and the rows of '{arguments.data}' "
            "stream; leave it out"
        )
    return arguments.data


def _load(arguments: argparse.Namespace) -> tuple[Model, ModelFile]:
    """The model that the arguments name, and its file."""
    file = read_model_file(find_model_file(arguments.model))
    data = None if arguments.data is None else _read(arguments, file.groups)
    return load_model(arguments.model, data), file


def _load_or_read(arguments: argparse.Namespace) -> tuple[Model, dict[str, str | None]]:
    """The model of a file or of a formula, and what a result says of where it came from."""
    if arguments.formula is None:
        model, file = _load(arguments)
        data = file.dataset if arguments.data is None else arguments.data
        return model, {"model": arguments.model, "title": file.title, "data": data}
    residual = None if arguments.residual is None else read_residual_text(arguments.residual)
    specification = read_combined(arguments.formula, arguments.random, residual, may_be_fixed=True)
    data = _read(arguments, specification.group_columns)
    of_rows = {name: getattr(arguments, name) for name in OF_ROWS}
    model = Model(
        specification.lme4(), data=data, family=arguments.family, residual=residual, **of_rows
    )
    return model, {"model": None, "title": None, "data": arguments.data}


def _equations(arguments: argparse.Namespace) -> None:
    model, file = _load(arguments)
    print(f"{file.title}\n\n{model.equations()}\n\nMeanings\n\n{model.meanings()}")


def _emit(arguments: argparse.Namespace) -> None:
    model, _ = _load(arguments)
    print(model.emit(arguments.system, data=arguments.name, ml=arguments.ml).rstrip("\n"))


def _fit(arguments: argparse.Namespace) -> None:
    model, about = _load_or_read(arguments)
    place = nullcontext() if arguments.out is None else new_folder(arguments.out)
    first = "reml" if model.problem.family is None else "ml"
    grouped = bool(model.problem.design.specification.random)
    usual = [first, *["sample"] * grouped]  # least squares answer a regression
    methods = usual if arguments.method is None else [arguments.method]
    with place as folder:
        fits = [_fitted(model, method, arguments) for method in methods]
        alike = len(fits) > 1 and model.problem.family is None
        comparison = compare(*fits) if alike else None
        print(report(fits, comparison), end="")
        if arguments.report is not None:
            inside = folder if folder is not None and not arguments.report else Path()
            write_fits_report(fits, inside / (arguments.report or REPORT), comparison)
        if folder is not None:
            write_result(folder, fits, about, comparison)
    if arguments.out is not None:
        print(f"\nWritten to {arguments.out}")
    if arguments.report is not None:
        inside = arguments.out if arguments.out is not None and not arguments.report else Path()
        print(f"Page for a browser: {inside / (arguments.report or REPORT)}")


def _fitted(model: Model, method: str, arguments: argparse.Namespace) -> Fit:
    if method != "sample":
        fit: Fit = getattr(model, method)()
        return fit
    stated = {name: getattr(arguments, name) for name in _SAMPLER}
    settings = {name: value for name, value in stated.items() if value is not None}
    return model.sample(**settings, progress=not arguments.no_progress)


_COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "models": _models,
    "systems": _systems,
    "equations": _equations,
    "emit": _emit,
    "fit": _fit,
}
