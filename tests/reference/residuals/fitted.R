# Variances that follow the fitted values: nlme's varPower() and varExp(form = ~ fitted(.)).
# Run in this folder: Rscript fitted.R > fitted.json
library(nlme)
library(jsonlite)
tight <- list(tolerance = 1e-11, maxIter = 500, msMaxIter = 500, msTol = 1e-12, msVerbose = FALSE)
dialyzer <- read.csv("Dialyzer.csv", colClasses = c(QB = "factor", Subject = "factor"))
bodyweight <- read.csv("BodyWeight.csv", colClasses = c(Diet = "factor", Rat = "factor"))
orthodont <- read.csv("../../../data/orthodont.csv")
orthodont$Sex <- factor(orthodont$Sex, c("Male", "Female"))
dialysis <- rate ~ (pressure + I(pressure^2) + I(pressure^3)) * QB
models <- list(
  BodyWeight_lme_power = function(m) lme(weight ~ Time * Diet, bodyweight, random = ~ Time | Rat,
    weights = varPower(), method = m, control = do.call(lmeControl, tight)),
  BodyWeight_gls_power = function(m) gls(weight ~ Time * Diet, bodyweight,
    weights = varPower(form = ~ fitted(.)), method = m, control = do.call(glsControl, tight)),
  Dialyzer_gls_exponential_AR1 = function(m) gls(dialysis, dialyzer,
    correlation = corAR1(form = ~ index | Subject), weights = varExp(form = ~ fitted(.)),
    method = m, control = do.call(glsControl, tight)),
  Orthodont_lme_power_strata = function(m) lme(distance ~ age * Sex, orthodont,
    random = ~ 1 | Subject, weights = varComb(varPower(), varIdent(form = ~ 1 | Sex)),
    method = m, control = do.call(lmeControl, tight))
)
said <- function(fit) list(
  logLik = as.numeric(logLik(fit)), sigma = fit$sigma,
  fixef = as.list(if (inherits(fit, "lme")) fixef(fit) else coef(fit)),
  se = as.list(sqrt(diag(vcov(fit)))),
  variance = as.list(coef(fit$modelStruct$varStruct, unconstrained = FALSE)),
  correlation = as.list(coef(fit$modelStruct$corStruct, unconstrained = FALSE))
)
cat(toJSON(lapply(models, function(f) list(REML = said(f("REML")), ML = said(f("ML")))),
  auto_unbox = TRUE, digits = 12, pretty = TRUE))
