"""The command line: list, explain and translate models, fit one, write its result."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NoReturn

import hierbayes
from hierbayes.dialects.registry import DIALECTS
from hierbayes.errors import HierbayesError
from hierbayes.fit.fit import Fit
from hierbayes.frames.csv_file import read_csv
from hierbayes.library.loading import load_model
from hierbayes.library.model_file import ModelFile, read_model_file
from hierbayes.library.shipped_models import catalog, find_model_file
from hierbayes.model import Model
from hierbayes.report.folder import new_folder, write_result
from hierbayes.report.text import report
from hierbayes.studies.comparison.comparison import compare

DEMO = ["fit", "intercepts_and_slopes_as_outcomes", "--seed", "1"]
_SAMPLER = ("draws", "tune", "chains", "seed")
_FEWEST = 4  # draws per chain that an effective sample size can be told from
_INTERRUPTED = 130  # as shells say it: 128 and the number of the signal


class UsageError(HierbayesError):
    """A command line that cannot be read."""


class _Parser(argparse.ArgumentParser):
    """A parser whose refusals are errors of this package, and one line long."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those the program was started with.

    Returns
    -------
    int
        0 when all went well; 2 for wrong usage, wrong input and files that cannot be read or
        written, with the reason on standard error.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # γ and σ, on any terminal
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        arguments = _parser().parse_args(argv)
        arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of the output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except HierbayesError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        _refuse("interrupted")
        return _INTERRUPTED
    return 0


def _refuse(message: str) -> int:
    print(f"hierbayes: error: {message}", file=sys.stderr)
    return 2


# ---------------------------------------------------------------- the arguments


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="hierbayes", description=hierbayes.__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"hierbayes {hierbayes.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    models = commands.add_parser("models", help="list the shipped models", allow_abbrev=False)
    models.set_defaults(run=_models)
    _add_equations(commands)
    _add_emit(commands)
    _add_fit(commands)
    demo = commands.add_parser("demo", help=f"the same as: {' '.join(DEMO)}", allow_abbrev=False)
    demo.add_argument("--out", type=Path, metavar="DIR", help="where to write the result")
    demo.set_defaults(run=_demo)
    return parser


def _add_model(command: argparse.ArgumentParser) -> None:
    """The arguments by which every command finds its model and data."""
    command.add_argument(
        "model", metavar="MODEL", help="a shipped model, or the path of a model file"
    )
    command.add_argument(
        "--data", type=Path, metavar="FILE.csv", help="data; by default those the model names"
    )


def _add_equations(commands: Any) -> None:
    words = commands.add_parser(
        "equations", help="print a model in symbols and in words", allow_abbrev=False
    )
    _add_model(words)
    words.set_defaults(run=_equations)


def _add_emit(commands: Any) -> None:
    code = commands.add_parser(
        "emit", help="print a model as code of another system", allow_abbrev=False
    )
    _add_model(code)
    code.add_argument("system", metavar="SYSTEM", help=f"one of: {', '.join(DIALECTS)}")
    code.add_argument("--name", default="data", metavar="NAME", help="what the code calls the data")
    code.add_argument(
        "--ml", action="store_true", help="maximum likelihood in place of REML, where it matters"
    )
    code.set_defaults(run=_emit)


def _add_fit(commands: Any) -> None:
    fit = commands.add_parser(
        "fit", help="fit a model and print, or write, its result", allow_abbrev=False
    )
    _add_model(fit)
    fit.add_argument("--out", type=Path, metavar="DIR", help="where to write the result")
    fit.add_argument("--method", choices=_ENGINES, help="one engine; by default reml and sample")
    fit.add_argument("--draws", type=_count(_FEWEST), metavar="N", help="draws kept per chain")
    fit.add_argument("--tune", type=_count(1), metavar="N", help="draws of adaptation per chain")
    fit.add_argument("--chains", type=_count(1), metavar="N", help="number of chains")
    fit.add_argument("--seed", type=_count(0), metavar="N", help="equal seeds give equal draws")
    fit.add_argument("--no-progress", action="store_true", help="show no progress bar")
    fit.set_defaults(run=_fit)


def _count(least: int) -> Callable[[str], int]:
    """A reader of whole numbers from `least` on."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"'{text}' is no whole number of at least {least}")
        return int(text)

    return read


# ---------------------------------------------------------------- the commands


def _models(_: argparse.Namespace) -> None:
    blocks = []
    for name, row in catalog().iterrows():
        equations = row["equations"].replace("\n", "\n    ")
        blocks.append(f"{name}\n  {row['title']}\n    {equations}")
    print("\n\n".join(blocks))


def _demo(arguments: argparse.Namespace) -> None:
    out = [] if arguments.out is None else ["--out", str(arguments.out)]
    _fit(_parser().parse_args([*DEMO, *out]))


def _load(arguments: argparse.Namespace) -> tuple[Model, ModelFile]:
    """The model that the arguments name, and its file."""
    file = read_model_file(find_model_file(arguments.model))
    data = None if arguments.data is None else read_csv(arguments.data, file.equations.group)
    return load_model(arguments.model, data), file


def _equations(arguments: argparse.Namespace) -> None:
    model, file = _load(arguments)
    print(f"{file.title}\n\n{model.equations()}\n\nMeanings\n\n{model.meanings()}")


def _emit(arguments: argparse.Namespace) -> None:
    model, _ = _load(arguments)
    print(model.emit(arguments.system, data=arguments.name, ml=arguments.ml).rstrip("\n"))


def _fit(arguments: argparse.Namespace) -> None:
    model, file = _load(arguments)
    place = nullcontext() if arguments.out is None else new_folder(arguments.out)
    methods = ("reml", "sample") if arguments.method is None else (arguments.method,)
    with place as folder:
        fits = [_ENGINES[method](model, arguments) for method in methods]
        comparison = compare(*fits) if len(fits) > 1 else None
        print(report(fits, comparison), end="")
        if folder is not None:
            names = {
                "model": arguments.model,
                "title": file.title,
                "data": file.dataset if arguments.data is None else str(arguments.data),
            }
            write_result(folder, fits, names, comparison)
    if arguments.out is not None:
        print(f"\nWritten to {arguments.out}")


def _sample(model: Model, arguments: argparse.Namespace) -> Fit:
    stated = {name: getattr(arguments, name) for name in _SAMPLER}
    settings = {name: value for name, value in stated.items() if value is not None}
    return model.sample(**settings, progress=not arguments.no_progress)


_ENGINES: dict[str, Callable[[Model, argparse.Namespace], Fit]] = {
    "reml": lambda model, _: model.reml(),
    "ml": lambda model, _: model.ml(),
    "map": lambda model, _: model.map(),
    "sample": _sample,
}
