"""Sessions for public names whose docstrings have no example: what is run, and what is shown."""

from __future__ import annotations

from dataclasses import dataclass

_START = "import hierbayes as hb\n"
_DATA = f'{_START}hs = hb.load_dataset("hs")\n'
_REML = (
    f'{_DATA}model = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", data=hs)\n'
    "reml = model.reml()\n"
)
_POST = _REML.replace("reml = model.reml()", "post = model.sample(seed=1, progress=False)")
_PRIOR = f'{_DATA}formula = "mathach ~ ses + (1 + ses | school)"\n'
_ORTHODONT = f'{_START}orthodont = hb.load_dataset("orthodont")\n'


@dataclass(frozen=True, slots=True)
class Session:
    """Code, and the expression at its end whose value is shown.

    Parameters
    ----------
    setting : str
    shown : str
    """

    setting: str
    shown: str


def _prior(block: str, prior: str) -> Session:
    shown = f"hb.Model(formula, data=hs, priors=dict({block}={prior})).priors"
    return Session(_PRIOR, shown)


def _family(formula: str, family: str) -> Session:
    response = {
        "count": "(hs['mathach'].clip(0)).round().astype(int)",
        "share": "hs['mathach'].clip(-2, 24) / 30 + 0.1",
        "size": "hs['mathach'].clip(1)",
        "third": "pd.cut(hs['mathach'], 3, labels=['low', 'mid', 'high'], ordered={})",
    }
    name = formula.partition(" ~")[0]
    setting = _DATA
    if name == "third":
        setting = f"import pandas as pd\n{setting}"
    if name in response:
        values = response[name].format("Cumulative" in family)
        setting += f'hs["{name}"] = {values}\n'
    return Session(
        setting, f'print(hb.Model("{formula}", data=hs, family={family}).equations().within)'
    )


def _errors(residual: str) -> Session:
    model = f'hb.Model("distance ~ age + (1 | Subject)", data=orthodont, residual={residual})'
    return Session(_ORTHODONT, f"{model}.reml().summary()")


def _quantity(quantity: str) -> Session:
    setting = f'{_POST}grid = {{"sd": {{"half-normal": hb.HalfNormal(2)}}}}\n'
    call = f"hb.SensitivityStudy(post, grid, [{quantity}], progress=False)"
    return Session(setting, f'{call}.table[["mean", "sd", "smallest", "largest"]]')


def _raises(shown: str, setting: str = _DATA) -> Session:
    return Session(setting, shown)


def _of_reml(shown: str) -> Session:
    return Session(_REML, shown)


def _of_post(shown: str) -> Session:
    return Session(_POST, shown)


def _of_ellipse(frame: str) -> Session:
    setting = (
        f"import numpy as np\n{_START}"
        "G = hb.plots.Ellipse(np.array([12.0, 2.0]), np.array([[16.0, 8.0], [8.0, 25.0]]))\n"
    )
    return Session(setting, f'hb.plots.{frame}({{"G": G}})')


_SCHOOL = Session(
    f"{_START}made = hb.simulate(\n"
    '    "mathach ~ ses + (1 + ses | school)", gamma=(12, 2), G=[[16, 8], [8, 25]], sigma=4.5,\n'
    '    groups=5, sizes=10, variables={"ses": ("normal", 0, 1)}, seed=1,\n'
    ")\n",
    "hb.plots.simulated_school_frame(made)",
)
_HALF = "hb.HalfNormal(3)"
SESSIONS: dict[str, Session] = {
    "LKJ": _prior("corr", "hb.LKJ(2)"),
    "PC": _prior("sd", "hb.PC(5, 0.05)"),
    "R2D2M2": _prior("r2", "hb.R2D2M2(0.3, 5)"),
    "Beta": _prior("icc", "hb.Beta(2, 6)"),
    "Centred": _prior("sd", f"hb.Centred({_HALF})"),
    "DesignNormal": _prior("gamma", '{"ses": hb.DesignNormal(0, 4)}'),
    "Exponential": _prior("sd", "hb.Exponential(0.5)"),
    "Flat": _prior("gamma", "hb.Flat()"),
    "Gamma": _prior("sd", "hb.Gamma(2, 0.5)"),
    "HalfCauchy": _prior("sd", "hb.HalfCauchy(5)"),
    "HalfNormal": _prior("sd", _HALF),
    "InverseGamma": _prior("sd", "hb.InverseGamma(2, 2)"),
    "InverseWishart": _prior("G", "hb.InverseWishart(4, [[4, 0], [0, 1]])"),
    "LogNormal": Session(
        _ORTHODONT,
        'hb.Model("distance ~ age + (1 | Subject)", data=orthodont, '
        'residual=hb.residuals.Strata("Sex"), '
        'priors=dict(residual={"ratio[Female]": hb.LogNormal(0, 0.5)})).priors',
    ),
    "Normal": _prior("gamma", '{"ses": hb.Normal(0, 3)}'),
    "StudentT": _prior("gamma", '{"ses": hb.StudentT(4, 0, 3)}'),
    "Uniform": _prior("sd", "hb.Uniform(0, 10)"),
    "UniformCorrelation": Session(
        _ORTHODONT,
        'hb.Model("distance ~ age + (1 | Subject)", data=orthodont, '
        'residual=hb.residuals.CAR1("age"), '
        'priors=dict(residual={"phi": hb.UniformCorrelation(2)})).priors',
    ),
    "Wishart": _prior("G", "hb.Wishart(4, [[4, 0], [0, 1]])"),
    "Anova": _of_reml("hb.anova(reml)"),
    "BayesFactor": Session(
        f"{_DATA}own = dict(gamma=hb.Normal(0, 15), sd=hb.HalfNormal(5), sigma=hb.HalfNormal(10))\n"
        'ses = hb.Model("mathach ~ ses + (1 | school)", data=hs, priors=own)\n'
        'empty = hb.Model("mathach ~ 1 + (1 | school)", data=hs, priors=own)\n',
        "hb.bayes_factor(ses, empty)",
    ),
    "MarginalLikelihood": Session(
        f"{_DATA}own = dict(gamma=hb.Normal(0, 15), sd=hb.HalfNormal(5), sigma=hb.HalfNormal(10))\n"
        'ses = hb.Model("mathach ~ ses + (1 | school)", data=hs, priors=own)\n',
        "hb.evidence(ses)",
    ),
    "SavageDickey": Session(
        f"{_DATA}own = dict(gamma=hb.Normal(0, 15), sd=hb.HalfNormal(5), sigma=hb.HalfNormal(10))\n"
        'ses = hb.Model("mathach ~ ses + (1 | school)", data=hs, priors=own)\n',
        'hb.savage_dickey(ses, "ses", at=2)',
    ),
    "Bootstrap": _of_reml("hb.bootstrap(reml, n=50, seed=1, progress=False)"),
    "Calibration": _of_reml("hb.calibrate(model, reml, replications=20, seed=1, progress=False)"),
    "PowerStudy": _of_reml(
        'hb.power(model, ["Sector[T.Public]"], reml, groups=[20, 60], rows=20, replications=30, '
        "seed=1, progress=False)"
    ),
    "Catalog": Session(_START, "hb.catalog()"),
    "Comparison": _of_reml("hb.compare(reml, model.ml())"),
    "ContextualEffects": Session(
        f'{_DATA}model = hb.Model("mathach ~ ses + cvar(ses, school) + (1 | school)", data=hs)\n',
        'model.reml().contextual("ses")',
    ),
    "Equations": _of_reml("reml.equations()"),
    "Equivalence": _of_reml(
        'hb.equivalence(model, hb.Model("mathach ~ ses * Sector", "~ 1 + ses | school", data=hs))'
    ),
    "Estimators": Session(
        _DATA, 'hb.estimators("mathach ~ ses * Sector", group="school", data=hs)'
    ),
    "Fit": _of_reml("reml"),
    "PointFit": _of_reml("reml.summary()"),
    "PosteriorFit": _of_post("post"),
    "Heterogeneity": Session(
        f'{_DATA}means = hs.groupby("school")["ses"].agg(["mean", "sem"]).reset_index()\n'
        'fit = hb.Model("mean ~ 1 + (1 | school)", means, known_sd="sem").reml()\n',
        "hb.variance_explained(fit)",
    ),
    "Hausman": Session(_DATA, 'hb.hausman(hb.Model("mathach ~ ses + (1 | school)", data=hs))'),
    "Influence": _of_reml("hb.influence(reml)"),
    "InterceptWeights": Session(
        _DATA, 'hb.intercept_weights(hb.Model("mathach ~ 1 + (1 | school)", data=hs).reml())'
    ),
    "Level1Residuals": _of_reml("hb.level1_residuals(reml)"),
    "Level2Residuals": _of_reml("hb.level2_residuals(reml)"),
    "Levels": Session(_DATA, 'hb.levels(hs, "school")'),
    "LikelihoodRatio": _of_reml(
        'hb.likelihood_ratio(hb.Model("mathach ~ ses * Sector + (1 | school)", data=hs).reml(), '
        "reml)"
    ),
    "Margins": _of_reml('hb.slopes(reml, hs, "ses", by="Sector")'),
    "Meanings": _of_reml("model.meanings()"),
    "ModelTable": _of_reml(
        'hb.model_table(hb.Model("mathach ~ ses * Sector + (1 | school)", data=hs).reml(), reml)'
    ),
    "Mundlak": Session(_DATA, 'hb.mundlak(hb.Model("mathach ~ ses + (1 | school)", data=hs))'),
    "PredictiveCheck": _of_reml("hb.predictive_check(reml, seed=1)"),
    "PredictiveCriterion": _of_post("hb.logo(post)"),
    "PredictiveComparison": _of_post(
        'hb.compare_predictive(hb.logo(post), hb.logo(hb.Model("mathach ~ ses + (1 | school)", '
        "data=hs).reml()))"
    ),
    "Profile": _of_reml('hb.profile(reml, "sd")'),
    "RandomPart": Session(
        _DATA, 'hb.build_random("mathach ~ ses + (1 | school)", ["ses"], data=hs)'
    ),
    "Recheck": Session(
        f'{_DATA}odds = hb.Model("Minority ~ ses + (1 | school)", data=hs, family="bernoulli")\n',
        "hb.recheck(odds.sample(seed=1, draws=300, progress=False))",
    ),
    "Reduced": Session(
        f'{_START}hsfull = hb.load_dataset("hsfull")\n'
        'model = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", data=hsfull)\n',
        "hb.reduced(model.reml())",
    ),
    "ResidualAcf": Session(
        f'{_ORTHODONT}fit = hb.Model("distance ~ age + (1 | Subject)", data=orthodont).reml()\n',
        'hb.residual_acf(fit, "age")',
    ),
    "ResidualVariogram": Session(
        f'{_ORTHODONT}fit = hb.Model("distance ~ age + (1 | Subject)", data=orthodont).reml()\n',
        'hb.residual_variogram(fit, "age")',
    ),
    "ResponseVariance": Session(
        f'{_DATA}odds = hb.Model("Minority ~ ses + (1 | school)", data=hs, family="bernoulli")'
        ".ml()\n",
        'odds.icc(scale="response")',
    ),
    "Simulated": Session(
        _START,
        'hb.simulate("y ~ x + (1 | g)", gamma=(1, 2), G=[[1]], sigma=1, groups=3, sizes=2, '
        'variables={"x": ("normal", 0, 1)}, seed=1).data',
    ),
    "VarianceExplained": _of_reml("hb.variance_explained(reml)"),
    "WaldTest": _of_reml('hb.wald(reml, "ses")'),
    "cvar": Session(_DATA, 'hb.cvar(hs["ses"], hs["school"]).head()'),
    "dvar": Session(_DATA, 'hb.dvar(hs["ses"], hs["school"]).head()'),
    "lvar": Session(_DATA, 'hb.lvar(hs["ses"], hs["school"]).head()'),
    "HierbayesError": _raises('hb.Model("mathach ~ nothing + (1 | school)", data=hs)'),
    "DataError": _raises('hb.Model("mathach ~ nothing + (1 | school)", data=hs)'),
    "FormulaError": _raises('hb.Model("mathach ~ ses + (1 | ", data=hs)'),
    "FamilyError": _raises('hb.Model("Minority ~ ses + (1 | school)", data=hs, family="poison")'),
    "EstimationError": _raises("model.ml(nodes=9)", _REML),
    "HypothesisError": _raises('hb.wald(reml, "nothing")', _REML),
    "InferenceError": _raises("hb.model_table(reml, model.ml())", _REML),
    "IntervalError": _raises("reml.intervals(95)", _REML),
    "ModelFileError": _raises('hb.load_model("nothing")'),
    "PriorError": _raises('hb.Model("mathach ~ ses + (1 | school)", data=hs, priors=dict(sd=3))'),
    "ResidualError": _raises("hb.residuals.AR1(3)"),
    "ResultFolderError": _raises('reml.report("nowhere/page.html")', _REML),
    "SavedFitError": _raises('hb.load_fit("nothing.fit")'),
    "StudyError": _raises("hb.power(model, 'ses', reml, groups=[0])", _REML),
    "UsageError": Session(
        "from hierbayes.cli.arguments import read_arguments\n", 'read_arguments(["fit"])'
    ),
    "families.Bernoulli": _family("Minority ~ ses + (1 | school)", "hb.families.Bernoulli()"),
    "families.Beta": _family("share ~ ses + (1 | school)", "hb.families.Beta()"),
    "families.Categorical": _family("third ~ ses + (1 | school)", "hb.families.Categorical()"),
    "families.Cumulative": _family(
        "third ~ ses + (1 | school)", 'hb.families.Cumulative("probit")'
    ),
    "families.Gamma": _family("size ~ ses + (1 | school)", "hb.families.Gamma()"),
    "families.Lognormal": _family("size ~ ses + (1 | school)", "hb.families.Lognormal()"),
    "families.StudentT": _family("mathach ~ ses + (1 | school)", "hb.families.StudentT(df=None)"),
    "families.ResponseFamily": Session(_START, 'hb.families.by_word("poisson")'),
    "families.Response": Session(
        f"{_DATA}", 'hb.families.Response("Minority", (hs["Minority"].head(),))'
    ),
    "residuals.ARMA": _errors('hb.residuals.ARMA("age")'),
    "residuals.CAR1": _errors('hb.residuals.CAR1("age")'),
    "residuals.CompoundSymmetry": Session(
        _ORTHODONT,
        'hb.Model("distance ~ age", data=orthodont, '
        'residual=hb.residuals.CompoundSymmetry(group="Subject")).reml().summary()',
    ),
    "residuals.Exponential": _errors('hb.residuals.Exponential("age")'),
    "residuals.Power": _errors('hb.residuals.Power("age")'),
    "residuals.ResidualStructure": Session(
        _START, 'hb.residuals.AR1("age") * hb.residuals.Strata("Sex")'
    ),
    "residuals.Toeplitz": Session(
        f'{_ORTHODONT}orthodont["visit"] = (orthodont["age"] - 6) / 2\n',
        'hb.Model("distance ~ age", data=orthodont, '
        'residual=hb.residuals.Toeplitz("visit", group="Subject")).reml().summary()',
    ),
    "residuals.Unstructured": Session(
        _ORTHODONT,
        'hb.Model("distance ~ age", data=orthodont, '
        'residual=hb.residuals.Unstructured("age", group="Subject")).reml().summary()',
    ),
    "quantities.ICC": _quantity("hb.quantities.ICC()"),
    "quantities.R2": _quantity("hb.quantities.R2()"),
    "quantities.SD": _quantity('hb.quantities.SD("ses")'),
    "quantities.Contrast": _quantity(
        'hb.quantities.Contrast({"ses": 1, "ses:Sector[T.Public]": 1})'
    ),
    "quantities.Corr": _quantity('hb.quantities.Corr("Intercept", "ses")'),
    "quantities.Custom": _quantity(
        'hb.quantities.Custom("ses", lambda fit: fit.draws("gamma").sel(term="ses"))'
    ),
    "quantities.GroupCoefficient": _quantity('hb.quantities.GroupCoefficient("1906", "ses")'),
    "quantities.NewGroup": _quantity('hb.quantities.NewGroup({"ses": 1, "Sector": "Public"})'),
    "quantities.Probability": _quantity('hb.quantities.Probability("ses", above=2)'),
    "quantities.Quantity": _quantity('"ses"'),
    "quantities.Rank": _quantity('hb.quantities.Rank("1906")'),
    "quantities.Shrinkage": _quantity('hb.quantities.Shrinkage("1906")'),
    "quantities.Contextual": Session(
        f'{_DATA}model = hb.Model("mathach ~ ses + cvar(ses, school) + (1 | school)", data=hs)\n'
        "post = model.sample(seed=1, progress=False)\n"
        'grid = {"sd": {"half-normal": hb.HalfNormal(2)}}\n',
        'hb.SensitivityStudy(post, grid, [hb.quantities.Contextual("ses")], progress=False)'
        '.table[["mean", "sd"]]',
    ),
    "quantities.Dispersion": Session(
        f'{_DATA}hs["count"] = hs["mathach"].clip(0).round().astype(int)\n'
        'model = hb.Model("count ~ ses + (1 | school)", data=hs, family="negativebinomial")\n'
        "post = model.sample(seed=1, draws=300, progress=False)\n"
        'grid = {"sd": {"half-normal": hb.HalfNormal(2)}}\n',
        'hb.SensitivityStudy(post, grid, [hb.quantities.Dispersion("phi")], progress=False)'
        '.table[["mean", "sd"]]',
    ),
    "quantities.Residual": Session(
        f'{_ORTHODONT}model = hb.Model("distance ~ age + (1 | Subject)", data=orthodont, '
        'residual=hb.residuals.Strata("Sex"))\n'
        "post = model.sample(seed=1, progress=False)\n"
        'grid = {"sd": {"half-normal": hb.HalfNormal(2)}}\n',
        'hb.SensitivityStudy(post, grid, [hb.quantities.Residual("ratio[Female]")], progress=False)'
        '.table[["mean", "sd"]]',
    ),
    "plots.ellipse_frame": _of_ellipse("ellipse_frame"),
    "plots.shadow_frame": _of_ellipse("shadow_frame"),
    "plots.SimulatedSchool": _SCHOOL,
    "plots.simulated_school_frame": _SCHOOL,
    "quantities.Sigma": _quantity("hb.quantities.Sigma()"),
}
for _name in ("Binomial", "BetaBinomial"):
    SESSIONS[f"families.{_name}"] = Session(
        f'{_START}cbpp = hb.load_dataset("cbpp")\n'
        'cattle = "cbind(incidence, size - incidence) ~ period + (1 | herd)"\n',
        f"print(hb.Model(cattle, data=cbpp, family=hb.families.{_name}()).equations().within)",
    )
for _name in ("Poisson", "NegativeBinomial", "NegativeBinomial1"):
    SESSIONS[f"families.{_name}"] = _family("count ~ ses + (1 | school)", f"hb.families.{_name}()")
for _name in ("Hurdle", "ZeroInflated"):
    SESSIONS[f"families.{_name}"] = _family(
        "count ~ ses + (1 | school)", f"hb.families.{_name}(hb.families.Poisson())"
    )
