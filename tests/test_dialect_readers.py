"""Code as users write it: read, or refused in words that point at the place."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb

READ: tuple[tuple[str, str, str], ...] = (
    (
        "nlme",
        "lme(mathach ~ ses * Sector, hs, ~ 1 + ses | school)",
        "mathach ~ 1 + ses + Sector + ses:Sector + (1 + ses | school)",
    ),
    (
        "nlme",
        "library(nlme)\n"
        "# a comment\n"
        "fit <- lme(fixed = mathach ~ ses +\n"
        "   Sector + ses:Sector, random = ~ ses | school,\n"
        " data = hs, method='ML', na.action = na.omit)\n"
        "summary(fit)",
        "mathach ~ 1 + ses + Sector + ses:Sector + (1 + ses | school)",
    ),
    (
        "nlme",
        "nlme::lme(mathach ~ ses, random = list(school = ~ ses), data = hs)",
        "mathach ~ 1 + ses + (1 + ses | school)",
    ),
    (
        "nlme",
        "lme(mathach ~ ses, random = list(school = pdDiag(~ ses)), data = hs)",
        "mathach ~ 1 + ses + (1 | school) + (0 + ses | school)",
    ),
    (
        "nlme",
        "lme(mathach ~ ses, random = list(school = pdBlocked(list(~ 1, ~ ses - 1))), data = hs)",
        "mathach ~ 1 + ses + (1 | school) + (0 + ses | school)",
    ),
    (
        "nlme",
        "lme(mathach ~ ses, random = list(school = pdSymm(form = ~ 1 + ses)), data = hs)",
        "mathach ~ 1 + ses + (1 + ses | school)",
    ),
    (
        "nlme",
        "f <- mathach ~ ses\nlme(f, hs, ~ 1 | school)",
        "mathach ~ 1 + ses + (1 | school)",
    ),
    (
        "nlme",
        "mathach ~ ses + (1 | school)",
        "mathach ~ 1 + ses + (1 | school)",
    ),
    (
        "nlme",
        "lme(mathach ~ ses, rand = ~ 1 | school, data = hs)",
        "mathach ~ 1 + ses + (1 | school)",
    ),
    (
        "nlme",
        "lme(mathach ~ log(Size) + I(ses^2), random = ~ 1 | school, data = hs)",
        "mathach ~ 1 + np.log(Size) + I(ses ** 2) + (1 | school)",
    ),
    (
        "nlme",
        "lme(mathach ~ ave(ses, school) + I(ses - ave(ses, school)), random = ~ 1 | "
        "school, data = hs)",
        "mathach ~ 1 + cvar(ses, school) + dvar(ses, school) + (1 | school)",
    ),
    (
        "lme4",
        "lmer(mathach ~ ses + (ses || school), hs)",
        "mathach ~ 1 + ses + (1 | school) + (0 + ses | school)",
    ),
    (
        "lme4",
        "m <- lme4::lmer('mathach ~ ses + (1|school)', data = hs)",
        "mathach ~ 1 + ses + (1 | school)",
    ),
    (
        "lme4",
        "lmer(as.formula('mathach ~ ses + (1|school)'), data = hs)",
        "mathach ~ 1 + ses + (1 | school)",
    ),
    (
        "lme4",
        "mathach ~ ses + (1|school)",
        "mathach ~ 1 + ses + (1 | school)",
    ),
    (
        "lme4",
        "lmer(mathach ~ ses + (1|school) + (0+ses|school), hs, REML=F)",
        "mathach ~ 1 + ses + (1 | school) + (0 + ses | school)",
    ),
    (
        "lme4",
        "lmer(mathach ~ (ses + Sector)^2 + (1|factor(school)), hs)",
        "mathach ~ 1 + ses + Sector + ses:Sector + (1 | school)",
    ),
    (
        "lme4",
        "lmer(mathach ~ ses + (1|school), hs) %>% summary()",
        "mathach ~ 1 + ses + (1 | school)",
    ),
    (
        "lme4",
        "hs |> lmer(mathach ~ ses + (1|school), data = _)",
        "mathach ~ 1 + ses + (1 | school)",
    ),
    (
        "lme4",
        "lmer(mathach ~ as.numeric(Sex == 'Male') + (1|school), hs)",
        "mathach ~ 1 + I(Sex == 'Male') + (1 | school)",
    ),
    (
        "lme4",
        "lmer(mathach ~ Sex %in% Sector + (1|school), hs)",
        "mathach ~ 1 + Sector:Sex + (1 | school)",
    ),
    (
        "lme4",
        "lmer(mathach ~ -1 + ses + (1|school), hs)",
        "mathach ~ 0 + ses + (1 | school)",
    ),
    (
        "brms",
        "brm(bf(mathach ~ 0 + Intercept + ses + (1 + ses || school)), data = hs, "
        "family = gaussian())",
        "mathach ~ 1 + ses + (1 | school) + (0 + ses | school)",
    ),
    (
        "rstanarm",
        "stan_lmer(mathach ~ ses + (1 + ses | school), data = hs, prior = normal(0, 2))",
        "mathach ~ 1 + ses + (1 + ses | school)",
    ),
    (
        "bambi",
        "mathach ~ ses + (1|school)",
        "mathach ~ 1 + ses + (1 | school)",
    ),
    (
        "bambi",
        "import bambi as bmb\nmodel = bmb.Model('mathach ~ ses*Sector + (ses|school)', hs)",
        "mathach ~ 1 + ses + Sector + ses:Sector + (1 | school) + (0 + ses | school)",
    ),
    (
        "bambi",
        "formula = 'mathach ~ ses + (1|school)'\n"
        "model = bmb.Model(formula, data=hs, family='gaussian')",
        "mathach ~ 1 + ses + (1 | school)",
    ),
    (
        "statsmodels",
        "smf.mixedlm('mathach ~ ses', hs, groups='school')",
        "mathach ~ 1 + ses + (1 | school)",
    ),
    (
        "statsmodels",
        "import statsmodels.formula.api as smf\n"
        "fit = smf.mixedlm('mathach ~ ses*Sector', hs, groups=hs.school, "
        "re_formula='~ses').fit()",
        "mathach ~ 1 + ses + Sector + ses:Sector + (1 + ses | school)",
    ),
    (
        "statsmodels",
        "smf.mixedlm('mathach ~ ses', hs, groups=hs['school'], vc_formula={'s': '0 + ses'})",
        "mathach ~ 1 + ses + (0 + ses | school)",
    ),
    (
        "statsmodels",
        "smf.mixedlm(\"mathach ~ Q('a b')\", hs, groups='school', re_formula=\"~Q('a b')\")",
        "mathach ~ 1 + `a b` + (1 + `a b` | school)",
    ),
    (
        "lme4",
        "lmerTest::lmer(mathach ~ ses / Sector + (1 | school), REML = FALSE, data = hs)",
        "mathach ~ 1 + ses + ses:Sector + (1 | school)",
    ),
    (
        "lme4",
        "lmer(data = hs, mathach ~ ses - 1 + (0 + ses | school))",
        "mathach ~ 0 + ses + (0 + ses | school)",
    ),
    (
        "lme4",
        "lmer(mathach ~ exp(ses / 2) + abs(ses)^2 + (1 | school), hs)",
        "mathach ~ 1 + np.exp(ses / 2) + np.abs(ses) + (1 | school)",
    ),
    (
        "lme4",
        "lmer(mathach ~ I((ses + 1) / 2 - ses^2) + (1 | school), hs)",
        "mathach ~ 1 + I((ses + 1) / 2 - ses ** 2) + (1 | school)",
    ),
    (
        "lme4",
        "lmer(mathach ~ scale(ses, scale = FALSE) + (1 | school), hs)",
        "mathach ~ 1 + center(ses) + (1 | school)",
    ),
    (
        "lme4",
        "lmer(mathach ~ factor(HIMINTY) + (1 | as.factor(school)), hs)",
        "mathach ~ 1 + C(HIMINTY) + (1 | school)",
    ),
    (
        "lme4",
        "lmer(mathach ~ log(Size, base = 10) + (1 | school), hs)",
        "mathach ~ 1 + np.log10(Size) + (1 | school)",
    ),
    (
        "nlme",
        "hs$Sector <- factor(hs$Sector)\n"
        "hs[['x']] <- 1\n"
        "lme(mathach ~ ses, hs, list(school = pdLogChol(~ ses), school = ~ 0 + Size))",
        "mathach ~ 1 + ses + (1 + ses | school) + (0 + Size | school)",
    ),
    (
        "nlme",
        "lme(mathach ~ ses, random = list(school = pdIdent(~ 1)), data = hs)",
        "mathach ~ 1 + ses + (1 | school)",
    ),
    (
        "bambi",
        "bmb.Model('mathach ~ C(HIMINTY) + np.log(Size) + center(ses) + (1|school)', "
        "hs, center_predictors=False)",
        "mathach ~ 1 + C(HIMINTY) + np.log(Size) + center(ses) + (1 | school)",
    ),
)
WRONG: tuple[tuple[str, Any, str], ...] = (
    (
        "nlme",
        "lme(mathach ~ ses, random = list(school = pdDiag(~ Sex)), data = hs)",
        "lme: in 'pdDiag(~ Sex)' the factor 'Sex' is split into independent effects of "
        "its levels, which models here cannot say; make columns of numbers of them",
    ),
    (
        "nlme",
        "lme(mathach ~ ses, random = list(school = pdIdent(~ ses)), data = hs)",
        "pdIdent asks for effects with one common variance, which models here do not "
        "have\n"
        "    lme(mathach ~ ses, random = list(school = pdIdent(~ ses)), data = hs)\n"
        "                                              ^",
    ),
    (
        "nlme",
        "lme(mathach ~ ses, random = list(school = pdCompSymm(~ Sex - 1)), data = hs)",
        "pdCompSymm asks for effects with one common variance and one common "
        "covariance, which models here do not have\n"
        "    lme(mathach ~ ses, random = list(school = pdCompSymm(~ Sex - 1)), data = "
        "hs)\n"
        "                                              ^",
    ),
    (
        "nlme",
        "lme(mathach ~ ses, random = ~ 1, data = hs)",
        "the random part names no group; write random = ~ effects | group, or random = "
        "list(group = ...)\n"
        "    lme(mathach ~ ses, random = ~ 1, data = hs)\n"
        "                                ^",
    ),
    (
        "nlme",
        "lm(mathach ~ ses, hs, random = ~ 1 | school)",
        "lm has no random part; with random = ... it is lme that is meant\n"
        "    lm(mathach ~ ses, hs, random = ~ 1 | school)\n"
        "    ^",
    ),
    (
        "nlme",
        "lme(mathach ~ ses, hs)",
        "'mathach ~ ses' has no random part; add a term such as (1 | group), or give "
        "random='~ 1 | group'",
    ),
    (
        "nlme",
        "lme(mathach ~ ses, ranodm = ~ 1 | school, data = hs)",
        "lme has no argument 'ranodm'; did you mean 'random'? It takes: fixed, data, "
        "random, correlation, weights, subset, method, na.action, control, contrasts, "
        "keep.data\n"
        "    lme(mathach ~ ses, ranodm = ~ 1 | school, data = hs)\n"
        "                                ^",
    ),
    (
        "nlme",
        "lme(mathach ~ ses, random = ~ 1 | school, data = hs",
        "cannot read the R code: this '(' is never closed\n"
        "    lme(mathach ~ ses, random = ~ 1 | school, data = hs\n"
        "       ^",
    ),
    (
        "nlme",
        "lme(mathach ~ ses, random = ~ 1 | scool, data = hs)",
        "the data have no column 'scool'; did you mean 'school'?\n"
        "    lme(mathach ~ ses, random = ~ 1 | scool, data = hs)\n"
        "                                      ^",
    ),
    (
        "nlme",
        "lme(mathach ~ SES, random = ~ 1 | school, data = hs)",
        "the data have no column 'SES'; did you mean 'ses'?\n"
        "    lme(mathach ~ SES, random = ~ 1 | school, data = hs)\n"
        "                  ^",
    ),
    (
        "nlme",
        "lme(mathach ~ bs(ses), random = ~ 1 | school, data = hs)",
        "cannot translate bs(...) from R exactly; did you mean 'abs'?\n"
        "    lme(mathach ~ bs(ses), random = ~ 1 | school, data = hs)\n"
        "                  ^",
    ),
    (
        "nlme",
        "",
        "the code has no call of lme and is no formula",
    ),
    (
        "nlme",
        "x <- 3",
        "the code has no call of lme and is no formula",
    ),
    (
        "nlme",
        "a <- lme(mathach ~ ses, hs, ~1|school); b <- lme(mathach ~ 1, hs, ~1|school)",
        "the code has 2 calls of lme; give one\n"
        "    a <- lme(mathach ~ ses, hs, ~1|school); b <- lme(mathach ~ 1, hs, "
        "~1|school)\n"
        "                                                 ^",
    ),
    (
        "lme4",
        "mathach ~ ses + 1|school",
        "the random part needs parentheses, as in y ~ x + (1 | group)\n"
        "    mathach ~ ses + 1|school\n"
        "              ^",
    ),
    (
        "lme4",
        "lmer(mathach ~ ses + (1|school), hs, weights = 1/Size)",
        "the weights of lmer are read as a column of the data, and this is none; make a column of "
        "them\n"
        "    lmer(mathach ~ ses + (1|school), hs, weights = 1/Size)\n"
        "                                                   ^",
    ),
    (
        "lme4",
        "lmer(mathach ~ . + (1|school), hs)",
        "'.' means every other column; name the columns\n"
        "    lmer(mathach ~ . + (1|school), hs)\n"
        "                   ^",
    ),
    (
        "lme4",
        "lmer(mathach ~ ses)",
        "'mathach ~ ses' has no random part; add a term such as (1 | group), or give "
        "random='~ 1 | group'",
    ),
    (
        "lme4",
        "lmer(mathach ~ cvar(as.numeric(Sex == 'Female'), school) + (1|school), hs)",
        "the mean of 'Sex' == 'Female' is not what cvar(Sex, ...) is here, the share "
        "of the second of two levels; 'Sex' has: Female, Male. Make a column of "
        "numbers of it\n"
        "    lmer(mathach ~ cvar(as.numeric(Sex == 'Female'), school) + (1|school), "
        "hs)\n"
        "                   ^",
    ),
    (
        "brms",
        "brm(mathach ~ ses + (1 + Sex || school), data = hs)",
        "brm: in '(1 + Sex || school)' the factor 'Sex' is split into independent "
        "effects of its levels, which models here cannot say; make columns of numbers "
        "of them",
    ),
    (
        "brms",
        "brm(mathach ~ ses + (1 |p| school) + (1 |p| Sector), data = hs)",
        "the ID 'p' ties effects over 'school' and over 'Sector', and effects are correlated "
        "within one grouping factor\n"
        "    brm(mathach ~ ses + (1 |p| school) + (1 |p| Sector), data = hs)\n"
        "                                         ^",
    ),
    (
        "brms",
        "brm(bf(mathach ~ ses + (1 |p| school), sigma ~ (1 |p| school)), data = hs)",
        "the ID 'p' ties effects of several formulas, and models here have random effects of the "
        "mean alone\n"
        "    brm(bf(mathach ~ ses + (1 |p| school), sigma ~ (1 |p| school)), data = hs)\n"
        "                                                   ^",
    ),
    (
        "brms",
        "brm(mathach ~ (1 |p| school) + (0 + Sex |p| school), data = hs)",
        "the ID 'p' ties effects of all levels of 'Sex' to a constant, which they are "
        "combinations of; write one term\n"
        "    brm(mathach ~ (1 |p| school) + (0 + Sex |p| school), data = hs)\n"
        "                                   ^",
    ),
    (
        "brms",
        "brm(mathach ~ ses + (1 |p| gr(school, cor = FALSE)), data = hs)",
        "effects that an ID ties are correlated: leave out cor\n"
        "    brm(mathach ~ ses + (1 |p| gr(school, cor = FALSE)), data = hs)\n"
        "                        ^",
    ),
    (
        "brms",
        "brm(mathach ~ ses + (1 | gr(school, by = Sector)), data = hs)",
        "gr(...) has a meaning of its own in brms, which models here do not have\n"
        "    brm(mathach ~ ses + (1 | gr(school, by = Sector)), data = hs)\n"
        "                             ^",
    ),
    (
        "brms",
        "brm(mathach | weights(Size) ~ ses + (1 | school), data = hs)",
        "weights(w) multiplies the log likelihood of each row by w; where w counts equal rows, "
        "leave it out and give counts='w', and where the variance of a row is σ²/w, write "
        "bf(..., sigma ~ offset(-log(w) / 2))\n"
        "    brm(mathach | weights(Size) ~ ses + (1 | school), data = hs)\n"
        "                  ^",
    ),
    (
        "brms",
        "brm(mathach ~ ses + (1 | school), data = hs, family = exgaussian())",
        "the family exgaussian of brms is not read; read are: gaussian, bernoulli, binomial, "
        "beta_binomial, poisson, negbinomial, Gamma, lognormal, Beta, cumulative, student, "
        "categorical, zero_inflated_poisson, zero_inflated_negbinomial, zero_inflated_binomial, "
        "zero_inflated_beta_binomial, hurdle_poisson, hurdle_negbinomial, hurdle_gamma, "
        "hurdle_lognormal\n"
        "    brm(mathach ~ ses + (1 | school), data = hs, family = exgaussian())\n"
        "                                                          ^",
    ),
    (
        "brms",
        "brm(bf(mathach ~ ses + (1 | school), phi ~ ses), data = hs)",
        "bf(...) with more than one formula models more than the mean; those of 'sigma', 'zi' and "
        "'hu' are read\n"
        "    brm(bf(mathach ~ ses + (1 | school), phi ~ ses), data = hs)\n"
        "        ^",
    ),
    (
        "brms",
        "brm(mathach ~ s(ses) + (1 | school), data = hs)",
        "s(...) has a meaning of its own in brms, which models here do not have\n"
        "    brm(mathach ~ s(ses) + (1 | school), data = hs)\n"
        "                  ^",
    ),
    (
        "bambi",
        "bmb.Model('mathach ~ ses + (Sex|school)', hs)",
        "bambi: in '(1 + Sex | school)' the factor 'Sex' is split into independent "
        "effects of its levels, which models here cannot say; make columns of numbers "
        "of them",
    ),
    (
        "bambi",
        "bmb.Model('mathach ~ scale(ses) + (1|school)', hs)",
        "cannot translate 'scale(ses)' from bambi exactly: 'scale' may mean something "
        "else there; make a column of it and name that",
    ),
    (
        "bambi",
        "bmb.Model('mathach ~ sess + (1|school)', hs)",
        "the data have no column 'sess'; did you mean 'ses'?",
    ),
    (
        "bambi",
        "bmb.Model('mathach ~ ses + (1|school)' hs)",
        "cannot read the Python code: invalid syntax. Perhaps you forgot a comma?\n"
        "    bmb.Model('mathach ~ ses + (1|school)' hs)\n"
        "              ^",
    ),
    (
        "bambi",
        "bmb.Model('mathach ~ ses + (1|school', hs)",
        "cannot read the formula: this parenthesis is never closed\n"
        "    ses + (1|school\n"
        "          ^",
    ),
    (
        "bambi",
        "bmb.Model('mathach ~ ses', hs)",
        "'mathach ~ ses' has no random part; add a term such as (1 | group), or give "
        "random='~ 1 | group'",
    ),
    (
        "bambi",
        "x = 1",
        "the code has no call of Model and is no formula",
    ),
    (
        "bambi",
        "bmb.Model(make(), hs)",
        "the argument 'formula' must be a text to be read from code\n"
        "    bmb.Model(make(), hs)\n"
        "              ^",
    ),
    (
        "lme4",
        3,
        "the code must be text, not int",
    ),
    (
        "statsmodels",
        "smf.mixedlm('mathach ~ ses', hs, groups='Sector', vc_formula={'s': '0 + C(shool)'})",
        "the data have no column 'shool'; did you mean 'school'?",
    ),
    (
        "statsmodels",
        "smf.mixedlm('mathach ~ ses', hs, groups='school', vc_formula={'s': '0 + ses + Size'})",
        "the component '0 + ses + Size' has one variance for several effects, which "
        "models here do not have\n"
        "    smf.mixedlm('mathach ~ ses', hs, groups='school', vc_formula={'s': '0 + "
        "ses + Size'})\n"
        "                                                                 ^",
    ),
    (
        "statsmodels",
        "sm.MixedLM(y, X, groups=g)",
        "the code has no call of mixedlm and is no formula",
    ),
    (
        "statsmodels",
        "mathach ~ ses",
        'a formula of statsmodels names no groups; give the call, as in smf.mixedlm("y '
        '~ x", data, groups="g", re_formula="~ x")',
    ),
    (
        "statsmodels",
        "smf.mixedlm('mathach ~ ses', hs, groups='scool')",
        "the data have no column 'scool'; did you mean 'school'?",
    ),
    (
        "statsmodels",
        "smf.mixedlm('mathach ~ ses', hs, groups=make())",
        "groups must be a column, as in groups=data['school']\n"
        "    smf.mixedlm('mathach ~ ses', hs, groups=make())\n"
        "                                            ^",
    ),
    (
        "statsmodels",
        "smf.mixedlm('mathach ~ standardize(ses)', hs, groups='school')",
        "cannot translate 'standardize(ses)' from statsmodels exactly: 'standardize' "
        "may mean something else there; make a column of it and name that",
    ),
    (
        "statsmodels",
        "smf.mixedlm('mathach ~ ses', hs, groups='school', vc_formula=vc)",
        "vc_formula must be a dictionary of texts to be read from code\n"
        "    smf.mixedlm('mathach ~ ses', hs, groups='school', vc_formula=vc)\n"
        "                                                                 ^",
    ),
    (
        "nlme",
        "lme(mathach ~ ses, random = list(school = pdDiag(~ factor(HIMINTY))), data = hs)",
        "lme: in 'pdDiag(~ C(HIMINTY))' the factor 'C(HIMINTY)' is split into "
        "independent effects of its levels, which models here cannot say; make columns "
        "of numbers of them",
    ),
    (
        "brms",
        "brm(mathach ~ ses + (factor(HIMINTY) || school), data = hs)",
        "brm: in '(C(HIMINTY) || school)' the factor 'C(HIMINTY)' is split into "
        "independent effects of its levels, which models here cannot say; make columns "
        "of numbers of them",
    ),
    (
        "brms",
        "brm(mathach ~ ses + (ses:Sex || school), data = hs)",
        "brm: in '(ses:Sex || school)' the factor 'Sex' is split into independent "
        "effects of its levels, which models here cannot say; make columns of numbers "
        "of them",
    ),
    (
        "bambi",
        "bmb.Model('mathach ~ ses + (C(HIMINTY)|school)', hs)",
        "bambi: in '(1 + C(HIMINTY) | school)' the factor 'C(HIMINTY)' is split into "
        "independent effects of its levels, which models here cannot say; make columns "
        "of numbers of them",
    ),
    (
        "bambi",
        "bmb.Model('mathach ~ ses + (1|scool)', hs)",
        "the data have no column 'scool'; did you mean 'school'?",
    ),
    (
        "lme4",
        "lmer(mathach ~ ifelse(ses > 0, 1, 0) + (1 | school), hs)",
        "cannot translate ifelse(...) from R exactly; make a column of it and name "
        "that\n"
        "    lmer(mathach ~ ifelse(ses > 0, 1, 0) + (1 | school), hs)\n"
        "                   ^",
    ),
    (
        "lme4",
        "lmer(mathach ~ ses + (1 | school)))",
        "cannot read the R code: this ')' closes nothing\n"
        "    lmer(mathach ~ ses + (1 | school)))\n"
        "                                      ^",
    ),
    (
        "lme4",
        "lmer(mathach ~ ses + + (1 | school), hs",
        "cannot read the R code: this '(' is never closed\n"
        "    lmer(mathach ~ ses + + (1 | school), hs\n"
        "        ^",
    ),
    (
        "lme4",
        "lmer(mathach ~ ses + (1 | school), hs, TRUE, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)",
        "lmer has too many arguments\n"
        "    lmer(mathach ~ ses + (1 | school), hs, TRUE, 1, 2, 3, 4, 5, 6, 7, 8, 9, "
        "10)\n"
        "                                                                            ^",
    ),
    (
        "lme4",
        "lmer(data = hs)",
        "lmer is called without 'formula'\n    lmer(data = hs)\n    ^",
    ),
    (
        "lme4",
        "lmer(hs$mathach ~ ses + (1 | school))",
        "cannot translate '$' from R exactly; make a column of it and name that\n"
        "    lmer(hs$mathach ~ ses + (1 | school))\n"
        "         ^",
    ),
    (
        "nlme",
        "lme(mathach ~ ses + (1 | school), random = ~ 1 | school, data = hs)",
        "the random part is stated twice: in the formula, and in random = ...; keep "
        "one\n"
        "    lme(mathach ~ ses + (1 | school), random = ~ 1 | school, data = hs)\n"
        "        ^",
    ),
    (
        "nlme",
        "lmer(mathach ~ ses + (1 | school), hs)",
        "this is a call of lme4's lmer; read it as 'lme4'\n"
        "    lmer(mathach ~ ses + (1 | school), hs)\n"
        "    ^",
    ),
    (
        "bambi",
        "bmb.Model('mathach ~ ses + (1|school)', hs); bmb.Model('mathach ~ (1|school)', hs)",
        "the code has 2 calls of Model; give one",
    ),
    (
        "bambi",
        "bmb.Model('mathach ~ ses + (1|school)', hs, categorical=['Size'])",
        "the argument 'categorical' of bambi's Model asks for numbers taken as factors "
        "(make texts of that column), which models here do not have\n"
        "    bmb.Model('mathach ~ ses + (1|school)', hs, categorical=['Size'])\n"
        "                                                            ^",
    ),
)


@pytest.fixture(scope="module")
def data(hs: pd.DataFrame) -> pd.DataFrame:
    return hs.assign(**{"ses.m": hs["ses"] ** 3, "a b": hs["ses"] ** 2})


@pytest.mark.parametrize(("system", "code", "formula"), READ)
def test_read(system: str, code: str, formula: str, data: pd.DataFrame) -> None:
    assert hb.read_code(system, code, data=data).specification.lme4() == formula


@pytest.mark.parametrize(
    ("system", "code", "random"),
    [
        ("nlme", "lme(mathach ~ ses, random = list(Sector = ~ 1, school = ~ ses), data = hs)",
         "(1 | Sector) + (1 + ses | Sector:school)"),
        ("nlme", "lme(mathach ~ ses, random = ~ 1 | Sector/school, data = hs)",
         "(1 | Sector) + (1 | Sector:school)"),
        ("lme4", "lmer(mathach ~ ses + (1|school) + (1|Sector), hs)",
         "(1 | school) + (1 | Sector)"),
        ("lme4", "lmer(mathach ~ ses + (1|Sector/school), hs)",
         "(1 | Sector) + (1 | Sector:school)"),
        ("lme4", "lmer(mathach ~ ses + (1|school) + (0+ses||Sector) + (0+ses|school), hs)",
         "(1 | school) + (0 + ses | school) + (0 + ses | Sector)"),
        ("brms", "brm(mathach ~ (1 |p| school) + (1 | Sector) + (0 + ses + Size |p| school), hs)",
         "(1 + ses + Size | school) + (1 | Sector)"),
        ("brms", "brm(mathach ~ (0 + ses |a| school) + (0 + Size | gr(school, id = 'a')), hs)",
         "(0 + ses + Size | school)"),
        ("brms", "brm(mathach ~ (1 + ses | gr(school, cor = FALSE)) + (1 | gr(Sector)), hs)",
         "(1 | school) + (0 + ses | school) + (1 | Sector)"),
    ],
)  # fmt: skip
def test_several_grouping_factors(system: str, code: str, random: str, data: pd.DataFrame) -> None:
    """Nested in order where nlme lists them, crossed as lme4 writes them."""
    read = hb.read_code(system, code, data=data)
    assert " + ".join(map(str, read.specification.random)) == random


@pytest.mark.parametrize(("system", "code", "message"), WRONG)
def test_refused(system: str, code: Any, message: str, data: pd.DataFrame) -> None:
    with pytest.raises(hb.FormulaError) as refusal:
        hb.read_code(system, code, data=data)
    assert str(refusal.value) == message


def test_systems_that_do_not_exist(data: pd.DataFrame) -> None:
    readable = ", ".join(hb.dialects().query("reads").index)
    with pytest.raises(hb.FormulaError) as refusal:
        hb.read_code("lme5", "x", data=data)
    assert str(refusal.value) == f"no system is called 'lme5'; those known are: {readable}"
    with pytest.raises(hb.FormulaError) as refusal:
        hb.read_code("pymc", "x", data=data)
    assert str(refusal.value) == f"code of pymc is written and not read; read are: {readable}"
    with pytest.raises(hb.DataError) as refused:
        hb.read_code("lme4", "y ~ x + (1 | g)", data=[1])
    assert str(refused.value) == "data must be a pandas DataFrame, not list"


def test_priors_are_given_apart(data: pd.DataFrame) -> None:
    priors = {"sigma": hb.HalfNormal(3)}
    model = hb.read_code("lme4", "mathach ~ ses + (1 | school)", data=data, priors=priors)
    assert model.priors.sigma == ("sigma", hb.HalfNormal(3), "stated")


def test_dialects_are_listed() -> None:
    table = hb.dialects()
    assert {"nlme", "lme4", "brms", "rstanarm", "bambi", "pymc", "statsmodels"} <= set(table.index)
    assert table.loc["nlme"].tolist() == ["R: nlme::lme", True, True]
    assert table.loc["pymc"].tolist() == ["Python: PyMC, written out", True, False]


NUMBERS_AS_LABELS = {
    "stata": "mixed mathach i.grade##c.ses || school:, reml",
    "sas": (
        "PROC MIXED; CLASS school grade; MODEL mathach = grade ses grade*ses; "
        "RANDOM INT / SUBJECT=school; RUN;"
    ),
    "lme4": "d$school <- factor(d$school)\nlmer(mathach ~ factor(grade) * ses + (1 | school), d)",
    "nlme": "lme(mathach ~ as.factor(grade) * ses, random = ~ 1 | school, data = d)",
}


@pytest.mark.parametrize("system", NUMBERS_AS_LABELS)
def test_numbers_that_code_takes_for_labels_are_a_factor(system: str, hs: pd.DataFrame) -> None:
    data = hs.assign(grade=np.arange(len(hs)) % 4)
    model = hb.read_code(system, NUMBERS_AS_LABELS[system], data=data)
    assert model.specification.fixed == ("1", "C(grade)", "ses", "C(grade):ses")
    assert len(model.problem.design.terms) == 8


@pytest.mark.parametrize(
    "made", ["d$grade <- factor(d$grade)", "d <- mutate(d, grade = factor(x))"]
)
def test_numbers_made_a_factor_before_are_refused(made: str, hs: pd.DataFrame) -> None:
    data = hs.assign(grade=np.arange(len(hs)) % 4)
    with pytest.raises(hb.FormulaError, match="the code makes a factor of 'grade', which holds"):
        hb.read_code("lme4", f"{made}\nlmer(mathach ~ grade + (1 | school), d)", data=data)
