"""What is asked of fits in the inference benchmark, and how each Python package is asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pandas as pd

from tests.benchmarks.inference_task import Contestant, Task
from tests.benchmarks.rivals import ONE_FORMULA, hierbayes

SES, INTERACTION = 1, 3  # everyone's order: intercept, ses, Sector, ses:Sector


def tasks(hs: pd.DataFrame, hsfull: pd.DataFrame, quick: bool) -> list[Task]:
    """Every task, in the order of the tables.

    Parameters
    ----------
    hs, hsfull : DataFrame
        40 and 160 schools.
    quick : bool
        Fewer pieces.

    Returns
    -------
    list of Task
        Bootstrap, profiles, deletion, degrees of freedom.
    """
    return [
        _bootstrap(hs, quick),
        _profile(hs),
        _profile_fixed(hs),
        _deletion(hsfull, quick),
        _wald(hs, "satterthwaite", "Satterthwaite"),
        _wald(hs, "kenward-roger", "Kenward–Roger"),
    ]


def _fitter(frame: pd.DataFrame) -> Callable[[], Any]:
    """Makes a new hierbayes fit at each call; the design is made once."""
    model = hierbayes().prepare(frame)
    fit: Callable[[], Any] = model.reml
    return fit


def _rival_fitter(frame: pd.DataFrame) -> Callable[[], Any]:
    return lambda: import_module("mixedlm").lmer(ONE_FORMULA, frame)


def _bootstrap(hs: pd.DataFrame, quick: bool) -> Task:
    total, ours, theirs = 1000, 20 if quick else 1000, 2 if quick else 20
    seeds = itertools.count(1)
    return Task(
        "bootstrap",
        "1000 parametric-bootstrap refits of hs",
        total,
        "refits",
        "se of ses",
        [
            Contestant(
                "hierbayes",
                _fitter(hs),
                lambda fit: import_module("hierbayes").bootstrap(
                    fit, n=ours, seed=1, progress=False
                ),
                lambda _, drawn: f"{drawn.draws['gamma', 'ses'].std():.4f}",
                ours,
            ),
            Contestant(
                "mixedlm",
                _rival_fitter(hs),
                lambda fit: import_module("mixedlm").bootMer(fit, nsim=theirs, seed=next(seeds)),
                lambda _, drawn: f"{pd.Series(drawn.beta_samples[:, SES]).std():.4f}",
                theirs,
                lambda _, drawn: f"{drawn.n_failed} refits failed" if drawn.n_failed else "",
            ),
        ],
        theirs,
        (
            "`hb.bootstrap`, mixedlm's `bootMer`, lme4's `bootMer` of γ, θ and σ, each in one "
            "process; the rivals' refits have another seed in each repetition.",
            "The se is that of the refits of one call: from few refits it is rough.",
        ),
    )


def _profile(hs: pd.DataFrame) -> Task:
    return Task(
        "profile",
        "Profile intervals of all 8 parameters on hs",
        1,
        "",
        "ses:Sector",
        [
            Contestant(
                "hierbayes",
                _fitter(hs),
                lambda fit: import_module("hierbayes").profile(fit, deviance="ml"),
                _our_limits,
            )
        ],
        1,
        (
            "`hb.profile(fit, deviance='ml')` and `confint(method = 'profile')`: both profile the "
            "ML deviance, refitting by ML included. mixedlm profiles fixed effects only.",
            "At a bound, all other parameters at their best, the deviance lies 3.8415 above its "
            "minimum; a search that falls short of the best gives too narrow an interval.",
        ),
    )


def _profile_fixed(hs: pd.DataFrame) -> Task:
    return Task(
        "profile-fixed",
        "Profile intervals of the 4 fixed effects on hs",
        1,
        "",
        "ses:Sector",
        [
            Contestant(
                "hierbayes",
                _fitter(hs),
                lambda fit: import_module("hierbayes").profile(fit, "gamma"),
                _our_limits,
            ),
            Contestant(
                "mixedlm",
                _rival_fitter(hs),
                lambda fit: fit.confint(method="profile"),
                lambda _, limits: "{:.4f} to {:.4f}".format(*list(limits.values())[INTERACTION]),
            ),
        ],
        1,
        (
            "As above for γ alone: `hb.profile(fit, 'gamma')`, `confint(method='profile')` of "
            "mixedlm, `confint(parm = 'beta_', method = 'profile')` of lme4.",
        ),
    )


def _our_limits(_: Any, profile: Any) -> str:
    row = profile.intervals().loc["gamma"].iloc[INTERACTION]
    return f"{row['lower']:.4f} to {row['upper']:.4f}"


def _deletion(hsfull: pd.DataFrame, quick: bool) -> Task:
    schools = sorted(hsfull["school"].unique())
    pieces = 1 if quick else 5
    left_out = schools[:: len(schools) // pieces][:pieces]

    def refit(frame: pd.DataFrame) -> list[Any]:
        fit = import_module("mixedlm").lmer
        return [fit(ONE_FORMULA, frame[frame["school"] != school]) for school in left_out]

    return Task(
        "deletion",
        f"REML anew without each of the {len(schools)} schools of hsfull",
        len(schools),
        "schools",
        f"ses without {schools[0]}",
        [
            Contestant(
                "hierbayes",
                _fitter(hsfull),
                lambda fit: import_module("hierbayes").influence(fit),
                lambda _, found: f"{found.gamma.iloc[0, SES]:.4f}",
                len(schools),
            ),
            Contestant(
                "mixedlm",
                lambda: hsfull,
                refit,
                lambda _, fits: f"{list(fits[0].fixef().values())[SES]:.4f}",
                pieces,
            ),
        ],
        pieces,
        (
            "`hb.influence(fit)`, Cook's distances and everything else it reports included; the "
            "rivals only refit, `lmer` on the other rows and `update(fit, data = ...)`.",
            "The schools the rivals leave out are evenly spaced in the order of their numbers.",
        ),
    )


def _wald(hs: pd.DataFrame, method: str, title: str) -> Task:
    adjusts = method == "kenward-roger"

    def ours(_: Any, test: Any) -> str:
        row = test.rows.iloc[SES]
        joint = f", joint {test.joint['denDF'].iloc[0]:.2f}" if adjusts else ""
        return f"{row['df']:.2f}, {row['se']:.4f}{joint}"

    def df(fit: Any, function: str) -> float:
        return float(getattr(import_module("mixedlm"), function)(fit).df[SES])

    def theirs(fit: Any, table: Any) -> str:
        estimate, t, _ = list(table.values())[SES]
        return f"{df(fit, method.replace('-', '_') + '_df'):.2f}, {estimate / t:.4f}"

    def remark(fit: Any, _: Any) -> str:
        same = adjusts and df(fit, "kenward_roger_df") == df(fit, "satterthwaite_df")
        return "the numbers of Satterthwaite" if same else ""

    notes = {
        "satterthwaite": (
            "`hb.wald(fit)`, which also tests all coefficients jointly; "
            "`pvalues_with_ddf(fit, 'Satterthwaite')`; "
            "`summary(as_lmerModLmerTest(fit))`, which is where lmerTest finds its derivatives.",
        ),
        "kenward-roger": (
            "`hb.wald(fit, df='kenward-roger')`, coefficients and joint test; "
            "`pvalues_with_ddf(fit, 'Kenward-Roger')`; `summary(fit, ddf = 'Kenward-Roger')` of "
            "lmerTest, coefficients only; `KRmodcomp` of pbkrtest, joint test only.",
        ),
    }
    return Task(
        method,
        f"t tests of the 4 fixed effects on hs, {title}",
        1,
        "",
        "df, se of ses" + (", joint df" if adjusts else ""),
        [
            Contestant(
                "hierbayes",
                _fitter(hs),
                lambda fit: import_module("hierbayes").wald(fit, df=method),
                ours,
            ),
            Contestant(
                "mixedlm",
                _rival_fitter(hs),
                lambda fit: import_module("mixedlm").pvalues_with_ddf(fit, method),
                theirs,
                remark=remark,
            ),
        ],
        1,
        notes[method],
    )
