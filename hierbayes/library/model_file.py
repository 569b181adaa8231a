"""A model file: a hierarchical model on a data set, written as TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from hierbayes.errors import FormulaError, ModelFileError, ResidualError
from hierbayes.frames.datasets import dataset_names
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.residuals.text import read_residual_text
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.formula import read_combined

OF_ROWS = ("weights", "counts", "offset", "known_sd")  # arguments of a model by row


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What a model file says.

    Parameters
    ----------
    title : str
        The name of the model.
    about : str
        One line on what it is for; empty if the file has none.
    dataset : str or None
        The shipped data set it is about, if it names one.
    equations : Multilevel or str
        The model, as equations or as one formula.
    priors : mapping
        From a block of parameters to the text of a prior, or to a table from names
        to texts; empty if the file has none.
    family : str or None
        Of the response, where it is not Gaussian; a word, or a call as a family prints it.
    residual : ResidualStructure or None
        How errors vary and are correlated.
    of_rows : mapping of str to str
        ``weights``, ``counts``, ``offset`` and ``known_sd``, as far as the file states them: the
        columns that have a number for each row.
    """

    title: str
    about: str
    dataset: str | None
    equations: Multilevel | str
    priors: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)
    family: str | None = None
    residual: ResidualStructure | None = None
    of_rows: Mapping[str, str] = field(default_factory=dict)

    @property
    def groups(self) -> tuple[str, ...]:
        """Every column that holds groups."""
        if isinstance(self.equations, str):
            return read_combined(self.equations, residual=self.residual).group_columns
        return self.equations.specification().group_columns


def read_model_file(path: str | Path | Traversable) -> ModelFile:
    """Read a model file.

    Parameters
    ----------
    path : str, Path or Traversable
        The file.

    Returns
    -------
    ModelFile
        Its content. The equations are read; the texts of the priors are not.

    Raises
    ------
    ModelFileError
        When the file cannot be read, is not TOML, has a key that does not exist, lacks one,
        or has one with a value that makes no sense. The message names file, key and remedy.
    """
    source = Path(path) if isinstance(path, str) else path
    content = _read_toml(source)
    _refuse_unknown_keys(content, source)
    _refuse_missing_keys(content, source)
    _refuse_wrong_types(content, source)
    dataset = content.get("dataset")
    if dataset is not None and dataset not in dataset_names():
        raise _error(
            source,
            "dataset",
            f"no data set is called {dataset!r}; those shipped are: {', '.join(dataset_names())} "
            "(leave the key out to give data of your own)",
        )
    residual = _residual(content, source)
    return ModelFile(
        title=content["title"],
        about=content.get("about", ""),
        dataset=dataset,
        equations=_equations(content, residual, source),
        priors=content.get("priors", {}),
        family=content.get("family"),
        residual=residual,
        of_rows={key: content[key] for key in OF_ROWS if key in content},
    )


def _read_toml(source: Path | Traversable) -> dict[str, Any]:
    try:
        with source.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ModelFileError(
            f"cannot read the model file {source}: {error.strerror or error}"
        ) from error
    except UnicodeDecodeError as error:
        raise ModelFileError(
            f"the model file {source} is not TOML: it is no text in UTF-8"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ModelFileError(f"the model file {source} is not TOML: {error}") from error


# ---------------------------------------------------------------- the keys of a file


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text, value))


def _is_group(value: Any) -> bool:
    return _is_text(value) or _is_texts(value)


def _is_random(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(map(_is_blocks, value.values()))
    return _is_blocks(value)


def _is_blocks(value: Any) -> bool:
    nested = isinstance(value, list) and bool(value) and all(map(_is_texts, value))
    return _is_texts(value) or nested


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _is_between(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_text(v) or _is_table(v) for v in value.values())


def _is_priors(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_text(v) or _is_table(v) for v in value.values())


@dataclass(frozen=True, slots=True)
class _Key:
    """Whether a file must have this key, what its value is, and how to tell."""

    required: bool
    what: str
    accepts: Callable[[Any], bool]


_KEYS = {
    "title": _Key(True, 'a text, as in title = "Random coefficients"', _is_text),
    "about": _Key(False, 'a text, as in about = "How do the lines vary?"', _is_text),
    "dataset": _Key(False, 'the name of a data set, as in dataset = "hs"', _is_text),
    "family": _Key(False, 'the family of the response, as in family = "bernoulli"', _is_text),
    "residual": _Key(
        False, "a structure of the errors, as in residual = \"AR1('week')\"", _is_text
    ),
    "weights": _Key(False, 'the column of precision weights, as in weights = "w"', _is_text),
    "counts": _Key(False, 'the column of counts of equal rows, as in counts = "n"', _is_text),
    "offset": _Key(False, 'a column or an expression, as in offset = "log(hours)"', _is_text),
    "known_sd": _Key(
        False, 'the column of known standard deviations, as in known_sd = "se"', _is_text
    ),
    "group": _Key(True, 'the name of a column, as in group = "school"', _is_group),
    "formula": _Key(False, 'a formula, as in formula = "y ~ x + (1 | a) + (1 | b)"', _is_text),
    "within": _Key(True, 'an equation, as in within = "mathach ~ 1 + ses"', _is_text),
    "random": _Key(True, 'a list of terms, as in random = ["1", "ses"]', _is_random),
    "between": _Key(
        False, 'a table from terms to equations, as in [between] "ses" = "1 + Sector"', _is_between
    ),
    "priors": _Key(
        False, 'a table from blocks to priors, as in [priors] sigma = "HalfNormal(10)"', _is_priors
    ),
}


_EQUATIONS = ("group", "within", "random", "between")  # in whose place a formula may stand


def _refuse_unknown_keys(content: dict[str, Any], source: Path | Traversable) -> None:
    for key in content:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1)
            meant = f"did you mean '{near[0]}'? The" if near else "the"
            raise _error(source, key, f"there is no such key; {meant} keys are: {_listed()}")


def _refuse_missing_keys(content: dict[str, Any], source: Path | Traversable) -> None:
    if "formula" in content:
        twice = [key for key in _EQUATIONS if key in content]
        if twice:
            raise _error(source, twice[0], "the formula states the model; keep one of the two")
    for key, rule in _KEYS.items():
        if "formula" in content and key in _EQUATIONS:
            continue
        if not rule.required or key in content:
            continue
        below = [name for name in ("between", "priors") if key in (content.get(name) or ())]
        if below:
            raise _error(
                source, key, f"it stands below [{below[0]}] and so inside it; move it above"
            )
        raise _error(source, key, f"it is missing; write {rule.what}")


def _refuse_wrong_types(content: dict[str, Any], source: Path | Traversable) -> None:
    for key, value in content.items():
        if not _KEYS[key].accepts(value):
            raise _error(source, key, f"it must be {_KEYS[key].what}")


def _residual(content: dict[str, Any], source: Path | Traversable) -> ResidualStructure | None:
    try:
        return read_residual_text(content["residual"]) if "residual" in content else None
    except ResidualError as error:
        raise _error(source, "residual", str(error)) from error


def _equations(
    content: dict[str, Any], residual: ResidualStructure | None, source: Path | Traversable
) -> Multilevel | str:
    """The equations, built up key by key, so that a refusal names the key at fault."""
    if "formula" in content:
        try:
            read_combined(content["formula"], residual=residual)
        except FormulaError as error:
            raise _error(source, "formula", str(error)) from error
        return str(content["formula"])
    none: Any = () if isinstance(content["group"], str) else {}
    stages = {
        "within": {"random": none},
        "between": {"random": none, "between": content.get("between", {})},
        "random": {"random": content["random"], "between": content.get("between", {})},
    }
    for key, parts in stages.items():
        try:
            equations = Multilevel(content["within"], group=content["group"], **parts)
            equations.specification()
        except FormulaError as error:
            raise _error(source, key, str(error)) from error
    return equations


def _error(source: Path | Traversable, key: str, message: str) -> ModelFileError:
    return ModelFileError(f"{source}, key '{key}': {message}")


def _listed() -> str:
    return ", ".join(_KEYS)
