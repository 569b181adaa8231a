"""lmer of R's lme4: one formula, a parenthesis for each block of random effects.

References
----------
Bates, Mächler, Bolker & Walker (2015), *Fitting Linear Mixed-Effects Models Using lme4*,
doi:10.18637/jss.v067.i01.
"""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.families.binomial import Binomial
from hierbayes.specification.formula import Specification
from hierbayes.translation.dialect import Dialect, ModelToWrite
from hierbayes.translation.r.code import mixed_formula, program, r_trials
from hierbayes.translation.r.model_call import Signature, find_model
from hierbayes.translation.r.reading import read_bars

REFUSED = {
    "weights": "residual variances that differ between rows",
    "offset": "a term whose coefficient is 1",
    "subset": "a choice of rows (choose them in the data)",
    "contrasts": "another coding of factors (order their levels in the data)",
}
_FAMILIES = {
    "Bernoulli": "binomial", "Binomial": "binomial", "Poisson": "poisson", "Gamma": "Gamma",
}  # fmt: skip
_NOT_NORMAL = "{} fits responses that are not normal, which models here do not have; lmer is read"
_LMER = Signature(
    "lmer",
    ("formula", "data", "REML", "control", "start", "verbose", "subset", "weights", "na.action",
     "offset", "contrasts", "devFunOnly"),
    REFUSED,
    {
        "glmer": _NOT_NORMAL.format("glmer"),
        "glmer.nb": _NOT_NORMAL.format("glmer.nb"),
        "nlmer": "nlmer fits curves that are not linear in their parameters, which models here do "
        "not have; lmer is read",
        "lme": "this is a call of nlme's lme; read it as 'nlme'",
    },
)  # fmt: skip


def emit(model: ModelToWrite) -> str:
    """The model as a call of lmer, block by block: lme4's ``||`` does not split factors.

    Of a response that is not Gaussian a call of glmer, or of glmer.nb.
    """
    if model.family is not None:
        return _glmer(model)
    call = (
        "fit <- lmer(\n"
        f"  {mixed_formula(model)},\n"
        f"  data = {model.data},\n"
        f"  REML = {'FALSE' if model.ml else 'TRUE'}\n"
        ")"
    )
    return program(model, "lme4", call, "lmer")


def _glmer(model: ModelToWrite) -> str:
    assert model.family is not None
    counted, other, failures = r_trials(model)
    rest = other if failures else f"{other} - {counted}"
    left = f"cbind({counted}, {rest})" if other else ""
    function = "glmer.nb" if model.family.name == "NegativeBinomial" else "glmer"
    arguments = [mixed_formula(model, left=left), f"data = {model.data}"]
    if function == "glmer":
        named = _FAMILIES[model.family.name]
        arguments.append(f'family = {named}(link = "{model.family.link}")')
    call = f"fit <- {function}(\n  " + ",\n  ".join(arguments) + "\n)"
    return program(model, "lme4", call, function)


def read(text: str, columns: Sequence[str]) -> Specification:
    """The model of a call of lmer, or of a formula as lme4 writes it."""
    call = find_model(text, columns, _LMER)
    return call.checked(read_bars(call.arguments["formula"], call.columns, text))


_SAID = ("Gamma log", "NegativeBinomial log", "Poisson log")
_LINKED = (f"{name} {link}" for name in ("Bernoulli", "Binomial") for link in Binomial.links)
DIALECT = Dialect("lme4", "R: lme4::lmer", emit, read, frozenset([*_SAID, *_LINKED]))
