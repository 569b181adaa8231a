"""The ten named models of the slides, from the simple to the complex, on any variables.

The shipped model files state the models, on the variables of the data set ``hs``; here they have
the names and the order of the slides, and are written for other variables.

Source: the lecture slides *Mixed Models with R*, "From the simple to the complex".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

import pandas as pd

from hierbayes.display.blocks import Definition, Definitions
from hierbayes.display.page import Page, Printed
from hierbayes.errors import FormulaError, ModelFileError
from hierbayes.library.model_file import ModelFile, read_model_file
from hierbayes.library.shipped_models import shipped_model
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.terms import column_name

ROLES = {"mathach": "y", "ses": "x", "Sector": "w", "school": "group"}  # of the shipped files
_WHAT = {
    "y": "the response",
    "x": "a variable that varies within groups",
    "w": "a variable of groups",
    "group": "the column that holds the groups",
}
_GENERIC = {"y": "Y", "x": "X", "w": "W", "group": "school"}
_RANDOM_CWG = "~ 1 + dvar(X, school) | school"


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model as the slides' table has it.

    Parameters
    ----------
    name : str
        The traditional name.
    file : str
        Name of the shipped model file.
    fixed, random : str
        In R's spelling, as on the slides.
    """

    name: str
    file: str
    fixed: str
    random: str


NAMED_MODELS = (
    NamedModel("One way ANOVA with random effects", "one_way_anova_with_random_effects",
               "Y ~ 1", "~ 1 | school"),
    NamedModel("Means as outcomes", "means_as_outcomes", "Y ~ 1 + W", "~ 1 | school"),
    NamedModel("One way ANCOVA", "one_way_ancova", "Y ~ 1 + X", "~ 1 | school"),
    NamedModel("Random coefficients", "random_coefficients", "Y ~ 1 + X", "~ 1 + X | school"),
    NamedModel("Intercepts and slopes as outcomes", "intercepts_and_slopes_as_outcomes",
               "Y ~ 1 + X + W + X:W", "~ 1 + X | school"),
    NamedModel("Non random slopes", "non_random_slopes", "Y ~ 1 + X + W + X:W", "~ 1 | school"),
    NamedModel("Parallel mean slopes", "parallel_mean_slopes", "Y ~ 1 + X + W",
               "~ 1 + X | school"),
    NamedModel("Contextual cluster mean variable with CWG variable and random CWG slopes",
               "contextual_mean_and_centred_within_group",
               "Y ~ 1 + cvar(X, school) + dvar(X, school)", _RANDOM_CWG),
    NamedModel("Contextual cluster mean variable with raw variable and random CWG slopes",
               "contextual_mean_and_raw_variable", "Y ~ 1 + cvar(X, school) + X", _RANDOM_CWG),
    NamedModel("Intercepts and slopes as outcomes with contextual cluster mean variable with "
               "CWG variable and random CWG effect",
               "intercepts_and_slopes_as_outcomes_with_contextual_mean",
               "Y ~ 1 + (cvar(X, school) + dvar(X, school)) * W", _RANDOM_CWG),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Catalog(Printed):
    """The named models, in the order of the slides.

    Parameters
    ----------
    table : DataFrame
        By traditional name: ``fixed`` and ``random`` in R's spelling for a response Y, a
        variable X that varies within groups and a variable W of groups; ``equations`` at two
        levels; ``title``, ``about`` and ``file``, as the shipped model file has them.
    """

    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    def page(self) -> Page:
        """Each model by its number, in R's spelling and as equations."""
        entries = tuple(
            Definition(
                f"{number:2}",
                str(name),
                (f"{row['fixed']},  random = {row['random']}", *row["equations"].split("\n")),
            )
            for number, (name, row) in enumerate(self.table.iterrows(), 1)
        )
        return Page("", blocks=(Definitions(entries),))


def list_models() -> Catalog:
    """The named models with generic variables."""
    rows = []
    for model in NAMED_MODELS:
        file = _file(model)
        rows.append(
            {
                "fixed": model.fixed,
                "random": model.random,
                "equations": str(_renamed(_equations_of(file), _GENERIC)),
                "title": file.title,
                "about": file.about,
                "file": model.file,
            }
        )
    names = pd.Index([model.name for model in NAMED_MODELS], name="model")
    return Catalog(pd.DataFrame(rows, index=names))


def named_model(name: str, variables: dict[str, str | None]) -> Multilevel:
    """One of the named models on the analyst's own variables.

    Parameters
    ----------
    name : str
        A name of the slides, or the name or title of a shipped model file; capitals, spaces,
        hyphens and underscores do not matter.
    variables : dict
        Columns for ``y``, ``x``, ``w`` and ``group``; None where there is none.

    Raises
    ------
    ModelFileError
        When no model has this name.
    FormulaError
        When the model needs a variable that is missing, or has no place for one.
    """
    model = find_model(name)
    equations = _equations_of(_file(model))
    used = _roles_in(equations)
    for role, column in variables.items():
        _refuse_unusable(role, column)
        if column is None and role in used:
            raise FormulaError(
                f"the model '{model.name}' needs {role} ({_WHAT[role]}): give {role}='column'"
            )
        if column is not None and role not in used:
            raise FormulaError(
                f"the model '{model.name}' has no {role} ({_WHAT[role]}); leave out {role}="
                f"'{column}', or choose another model"
            )
    columns = {role: column for role, column in variables.items() if column is not None}
    for role, column in columns.items():
        twin = next((other for other in columns if columns[other] == column), role)
        if twin != role:
            raise FormulaError(f"{twin} and {role} are both '{column}'; they must differ")
    return _renamed(equations, columns)


def find_model(name: str) -> NamedModel:
    """A named model by a forgiving reading of its name.

    Raises
    ------
    ModelFileError
        When there is none; the nearest names are suggested.

    Examples
    --------
    >>> find_model("non-random slopes").file
    'non_random_slopes'
    """
    if not isinstance(name, str):
        raise ModelFileError(f"a model is named by text, as in 'Random coefficients', not {name!r}")
    known = {}
    for model in NAMED_MODELS:
        for spelling in (model.name, model.file, _file(model).title):
            known[_squeezed(spelling)] = model
    if _squeezed(name) in known:
        return known[_squeezed(name)]
    near = get_close_matches(_squeezed(name), known, n=2, cutoff=0.5)
    names = list(dict.fromkeys(f"'{known[one].name}'" for one in near))
    meant = f"did you mean {' or '.join(names)}? " if names else ""
    raise ModelFileError(f"no model is called '{name}'; {meant}hb.catalog() lists the ten models")


def _file(model: NamedModel) -> ModelFile:
    return read_model_file(shipped_model(model.file))


def _equations_of(file: ModelFile) -> Multilevel:
    """The equations of a shipped file; the named models have no formula."""
    if isinstance(file.equations, str):
        raise ModelFileError(f"the model '{file.title}' is stated by a formula, not by equations")
    return file.equations


def _squeezed(name: str) -> str:
    """Letters and digits alone: the same for 'One-way ANCOVA' and 'one_way_ancova'."""
    return re.sub(r"[\W_]", "", name.casefold())


def _texts(equations: Multilevel) -> str:
    return " ".join([equations.within, *equations.between.values(), equations.group])


def _roles_in(equations: Multilevel) -> set[str]:
    words = re.findall(r"\w+", _texts(equations))
    return {ROLES[word] for word in words if word in ROLES}


def _refuse_unusable(role: str, column: object) -> None:
    if column is None:
        return
    if not isinstance(column, str) or not column.strip("`") or "`" in column.strip("`"):
        raise FormulaError(f"{role} must be the name of a column, not {column!r}")


def _renamed(equations: Multilevel, columns: dict[str, str]) -> Multilevel:
    """The same equations of other columns; odd names in backticks."""

    def written(text: str) -> str:
        def column(word: re.Match[str]) -> str:
            return _quoted(columns[ROLES[word[0]]]) if word[0] in ROLES else word[0]

        return re.sub(r"\w+", column, text)

    return Multilevel(
        within=written(equations.within),
        between={written(name): written(text) for name, text in equations.between.items()},
        group=written(equations.group),
        random=[[written(term) for term in block] for block in equations.random],
    )


def _quoted(column: str) -> str:
    return column_name(column.strip("`"))
