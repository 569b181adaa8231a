"""The arguments of each command, and their help."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import hierbayes
from hierbayes.errors import UsageError

METHODS = ("reml", "ml", "map", "sample")  # verbs of Model
DEMO = ("fit", "intercepts_and_slopes_as_outcomes", "--seed", "1")
READING = ("missing", "texts", "separator", "decimal")  # arguments of `read_csv`
_FEWEST = 4  # draws per chain that an effective sample size can be told from


class _Parser(argparse.ArgumentParser):
    """A parser whose refusals are errors of this package, and one line long."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def read_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read a command line: its `command`, and what that takes.

    Parameters
    ----------
    argv : sequence of str or None
        None for those the program was started with.  No words at all ask for help.

    Raises
    ------
    UsageError
        Naming the argument that is missing, unknown, wrong or one too many.
    """
    parser = _parser()
    words = sys.argv[1:] if argv is None else argv
    arguments = parser.parse_args(words or ["--help"])
    if arguments.command == "demo":
        out = [] if arguments.out is None else ["--out", str(arguments.out), "--report"]
        return parser.parse_args([*DEMO, *out])
    if arguments.command == "fit":
        _check_model(arguments)
    _check_data(arguments)
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="hierbayes", description=hierbayes.__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"hierbayes {hierbayes.__version__}")
    commands = parser.add_subparsers(
        title="commands", dest="command", required=True, metavar="COMMAND"
    )
    commands.add_parser("models", help="list the shipped models", allow_abbrev=False)
    commands.add_parser("systems", help="list the systems of `emit`", allow_abbrev=False)
    _add_equations(commands)
    _add_emit(commands)
    _add_fit(commands)
    demo = commands.add_parser("demo", help=f"the same as: {' '.join(DEMO)}", allow_abbrev=False)
    demo.add_argument("--out", type=Path, metavar="DIR", help="where to write the result")
    return parser


_BY_ROW = {
    "weights": "precision weights w of the formula's rows, whose errors have the variance σ²/w",
    "counts": "how many equal rows each row stands for",
    "offset": "what is added to the mean with a coefficient of 1",
    "known_sd": "standard deviations of the errors, where they are known",
}
_OF_FILE = ("family", "residual", *_BY_ROW)  # what a file states, and options beside a formula


def _check_model(arguments: argparse.Namespace) -> None:
    """Refuse a fit of no model, of two, or of a formula without data."""
    if arguments.formula is None and "~" in (arguments.model or ""):
        arguments.model, arguments.formula = None, arguments.model
    stated = [name for name in ("model", "formula") if getattr(arguments, name) is not None]
    own = [name for name in _OF_FILE if getattr(arguments, name) is not None]
    if stated == ["model"] and not own and arguments.random is None:
        return
    if not stated:
        said = "give a MODEL, or a formula as in --formula 'y ~ x + (1 | g)'"
    elif len(stated) > 1:
        said = f"the model is stated twice, by MODEL '{arguments.model}' and by --formula; keep one"
    elif stated == ["model"] and own:
        flag = own[0].replace("_", "-")
        said = f"--{flag} goes with --formula; the file of a MODEL states its own, {own[0]} = ..."
    elif stated == ["model"]:
        said = "--random goes with --formula; a MODEL has a random part of its own"
    elif arguments.data is None:
        said = "--formula needs data, as in --data FILE.csv"
    else:
        return
    raise UsageError(f"{said} (see hierbayes fit --help)")


def _check_data(arguments: argparse.Namespace) -> None:
    """Refuse what says how data are read where no file is."""
    if getattr(arguments, "data", None) is not None:
        return
    for name in READING:
        if getattr(arguments, name, None) is not None:
            raise UsageError(
                f"--{name} says how a file is read; give one by --data FILE.csv "
                f"(see hierbayes {arguments.command} --help)"
            )


def _add_model(command: argparse.ArgumentParser, *, required: bool = True) -> None:
    """The arguments by which every command finds its model and data."""
    command.add_argument(
        "model",
        nargs=None if required else "?",
        metavar="MODEL",
        help="a shipped model, or the path of a model file",
    )
    command.add_argument(
        "--data",
        metavar="FILE.csv",
        help="data; by default those the model names. Rows of Parquet and Feather files, of a "
        "folder of files, a pattern of names ('rows/*.parquet') or an address ('s3://...') stream",
    )
    data = command.add_argument_group("how the data are read")
    data.add_argument(
        "--missing", action="append", metavar="TEXT",
        help="a missing value, beside empty fields, and NA and NaN where others are numbers",
    )  # fmt: skip
    data.add_argument(
        "--texts", action="append", metavar="COLUMN", help="a column of labels, even of numbers"
    )
    data.add_argument(
        "--separator",
        type=_separator,
        metavar="MARK",
        help="between fields: ',' (default), ';', tab",
    )
    data.add_argument("--decimal", choices=(".", ","), help="the decimal mark; by default a point")


def _separator(text: str) -> str:
    """One character; a tab may be spelled out."""
    mark = {"tab": "\t", r"\t": "\t"}.get(text, text)
    if len(mark) != 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not one character, nor 'tab'")
    return mark


def _add_equations(commands: Any) -> None:
    words = commands.add_parser(
        "equations", help="print a model in symbols and in words", allow_abbrev=False
    )
    _add_model(words)


def _add_emit(commands: Any) -> None:
    code = commands.add_parser(
        "emit", help="print a model as code of another system", allow_abbrev=False
    )
    _add_model(code)
    code.add_argument("system", metavar="SYSTEM", help="one that `hierbayes systems` lists")
    code.add_argument("--name", default="data", metavar="NAME", help="what the code calls the data")
    code.add_argument(
        "--ml", action="store_true", help="maximum likelihood in place of REML, where it matters"
    )


def _add_fit(commands: Any) -> None:
    fit = commands.add_parser(
        "fit", help="fit a model and print, or write, its result", allow_abbrev=False
    )
    _add_model(fit, required=False)
    fit.add_argument(
        "--formula",
        metavar="FORMULA",
        help="in place of MODEL, as in 'y ~ x + (1 | g)'; it may stand as MODEL, too",
    )
    fit.add_argument(
        "--random", metavar="RANDOM", help="random part of the formula, as in '~ 1 | g'"
    )
    fit.add_argument(
        "--family",
        metavar="FAMILY",
        help="of the formula's response, as in 'poisson' or 'StudentT(df=5)'",
    )
    fit.add_argument(
        "--residual",
        metavar="STRUCTURE",
        help="of the formula's errors, as in \"AR1('week') * Strata('sex')\"",
    )
    for name, said in _BY_ROW.items():
        fit.add_argument(f"--{name.replace('_', '-')}", metavar="COLUMN", help=said)
    fit.add_argument("--out", type=Path, metavar="DIR", help="where to write the result")
    fit.add_argument(
        "--report",
        nargs="?",
        const="",
        metavar="FILE.html",
        help="write a page for a browser; by default report.html, in DIR if there is one",
    )
    fit.add_argument(
        "--method", choices=METHODS, help="one engine; by default reml (or ml) and sample"
    )
    fit.add_argument("--draws", type=_count(_FEWEST), metavar="N", help="draws kept per chain")
    fit.add_argument("--tune", type=_count(1), metavar="N", help="draws of adaptation per chain")
    fit.add_argument("--chains", type=_count(1), metavar="N", help="number of chains")
    fit.add_argument("--seed", type=_count(0), metavar="N", help="equal seeds give equal draws")
    fit.add_argument("--no-progress", action="store_true", help="show no progress bar")


def _count(least: int) -> Callable[[str], int]:
    """A reader of whole numbers from `least` on."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"'{text}' is no whole number of at least {least}")
        return int(text)

    return read
