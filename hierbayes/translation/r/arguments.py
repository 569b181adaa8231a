"""Arguments that the calls of mixed models in R have in common, and what those not read ask for."""

from collections.abc import Mapping

OF_ROWS = ("subset", "weights", "na.action", "offset", "contrasts")  # in this order, in all of them
CHOICES: Mapping[str, str] = {
    "subset": "a choice of rows (choose them in the data)",
    "contrasts": "another coding of factors (order their levels in the data)",
}
OF_GAUSSIAN: Mapping[str, str] = {
    "weights": "log likelihoods of rows that are multiplied by a number",
    **CHOICES,
}
OF_COUNTS: Mapping[str, str] = {"weights": "rows that count more than once", **CHOICES}
LMER: Mapping[str, str] = {"lmer": "this is a call of lme4's lmer; read it as 'lme4'"}
