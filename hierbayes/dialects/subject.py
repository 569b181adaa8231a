"""What is to be said in another system's words."""

from __future__ import annotations

from dataclasses import dataclass

from hierbayes.design.variables import Variables
from hierbayes.priors.prior_set import PriorSet
from hierbayes.specification.formula import Specification


@dataclass(frozen=True, slots=True)
class Subject:
    """A model as the writer of another system's code sees it.

    Parameters
    ----------
    specification : Specification
    variables : Variables
        Kinds, levels of factors, and which columns live at level 2.
    priors : PriorSet
        Priors in force; systems that maximise a likelihood say nothing of them.
    data : str
        What the code calls the data.
    ml : bool
        Whether maximum likelihood is asked for instead of REML.
    """

    specification: Specification
    variables: Variables
    priors: PriorSet
    data: str = "data"
    ml: bool = False
