"""The one error tree: every refusal names the offender and says what to do."""

from __future__ import annotations

from collections.abc import Iterable


class HierbayesError(Exception):
    """Base of every error this package raises on purpose."""


class FormulaError(HierbayesError, ValueError):
    """A formula or a set of equations cannot be read, or does not make a model."""


class DataError(HierbayesError, ValueError):
    """The data cannot support the model: a column, a group or a value is at fault."""


class FamilyError(HierbayesError, ValueError):
    """A family of responses that does not exist, or is stated with what it does not have."""


class ResidualError(HierbayesError, ValueError):
    """A structure of the residuals that does not exist, or cannot be combined."""


class PriorError(HierbayesError, ValueError):
    """A prior is stated for something that does not exist, or is not a prior."""


class EstimationError(HierbayesError, RuntimeError):
    """A fit was started and could not be completed."""


class StudyError(HierbayesError, ValueError):
    """A study or a picture asks for what does not exist, or of fits that cannot tell."""


class HypothesisError(HierbayesError, ValueError):
    """A linear hypothesis cannot be read, or cannot be tested on this fit."""


class InferenceError(HierbayesError, ValueError):
    """A profile, a bootstrap or a test is asked of fits that cannot answer."""


class ModelFileError(HierbayesError, ValueError):
    """A model file (TOML) or a data set asked for by name cannot be used."""


class IntervalError(HierbayesError, ValueError):
    """A probability that is none."""


class ResultFolderError(HierbayesError):
    """A folder cannot take a result."""


class SavedFitError(HierbayesError, ValueError):
    """A fit cannot be saved as asked, or a file holds none that can be read."""


class UsageError(HierbayesError):
    """A command line that cannot be read."""


def in_quotes(names: Iterable[object]) -> str:
    """Names as a message lists them.

    Examples
    --------
    >>> in_quotes(["ses", "Sector"])
    "'ses', 'Sector'"
    """
    return ", ".join(f"'{name}'" for name in names)
