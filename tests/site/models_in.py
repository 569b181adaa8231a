"""Models in the words of other systems, as `Model.emit` writes them, for pages of comparisons."""

from __future__ import annotations

import hierbayes as hb
from hierbayes.errors import HierbayesError

SYSTEMS = {
    "lme4": "lme4", "nlme": "nlme", "brms": "brms", "bambi": "bambi", "hlm": "hlm", "sas": "sas",
}  # fmt: skip
_LANGUAGES = {"lme4": "r", "nlme": "r", "brms": "r", "bambi": "python", "hlm": "text",
              "sas": "sas"}  # fmt: skip
MODELS = (
    ("A random intercept", "hs", 'hb.Model("mathach ~ ses + (1 | school)", data=hs)'),
    ("Correlated intercepts and slopes, and an interaction of levels", "hs",
     'hb.Model("mathach ~ ses * Sector + (1 + ses | school)", data=hs)'),
    ("Independent intercepts and slopes", "hs",
     'hb.Model("mathach ~ ses + (1 + ses || school)", data=hs)'),
    ("Means of groups, and deviations from them", "hs",
     'hb.Model("mathach ~ dvar(ses, school) + cvar(ses, school) + (1 | school)", data=hs)'),
    ("Three levels", "egsingle",
     'hb.Model("math ~ year + (1 + year | school/child)", data=egsingle)'),
    ("A binary response", "hs",
     'hb.Model("Minority ~ ses + (1 | school)", data=hs, family="bernoulli")'),
    ("Errors correlated in time", "orthodont",
     'hb.Model("distance ~ age + (1 | Subject)", data=orthodont, '
     'residual=hb.residuals.AR1("age"))'),
)  # fmt: skip


def models_in(page: str) -> str:
    """The models as a system has them, in Markdown: here, and there."""
    system = SYSTEMS[page]
    parts = [
        "## The same models\n",
        "Written by `model.emit()`; what the system cannot say is refused by name.\n",
    ]
    for title, data, call in MODELS:
        space: dict[str, object] = {"hb": hb, data: hb.load_dataset(data)}
        model: hb.Model = eval(call, space)
        shown = f"```python\n{call}\n```\n"
        try:
            theirs = model.emit(system, data=data).rstrip()
            there = f"```{_LANGUAGES[page]}\n{theirs}\n```\n"
        except HierbayesError as error:
            there = f"> {error}\n"
        parts.append(f"### {title}\n\n{shown}\n{there}")
    return "\n".join(parts)
