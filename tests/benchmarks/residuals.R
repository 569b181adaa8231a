# CPU seconds of nlme and glmmTMB on models with a residual structure:
#   Rscript residuals.R folder repetitions
# Prints a CSV line per package and model: package, model, loglik, remark, and the seconds of a call
# in the fastest batch of ten, as one call takes few of the milliseconds that R's clock counts.
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
repetitions <- as.integer(arguments[2])
quiet <- function(expr) suppressMessages(suppressWarnings(expr))

rows <- function(file, ...) {
  data <- read.csv(file.path(folder, file))
  levels <- list(...)
  for (name in names(levels)) data[[name]] <- factor(data[[name]], levels[[name]])
  data
}
rats <- rows("BodyWeight.csv", Diet = 1:3)
dialyzer <- rows("Dialyzer.csv", QB = c(200, 300))
pups <- rows("RatPupWeight.csv", sex = c("Male", "Female"), Treatment = c("Control", "Low", "High"))
soybean <- rows("Soybean.csv", Variety = c("F", "P"), Year = 1988:1990)
trial <- rows("sim_mmrm.csv", visit = 1:4, arm = c("control", "drug"), id = seq_len(1e4))
trial <- droplevels(trial)
ar1 <- rows("sim_ar1.csv", sex = c("F", "M"))

growth <- weight ~ Time * Diet
curve <- rate ~ (pressure + I(pressure^2) + I(pressure^3) + I(pressure^4)) * QB
litters <- weight ~ sex * Treatment + Lsize

nlme <- list(
  BodyWeight_CAR1 = function() lme(growth, rats, ~ Time | Rat,
    correlation = corCAR1(form = ~ Time | Rat)),
  BodyWeight_CAR1_power = function() lme(growth, rats, ~ Time | Rat,
    correlation = corCAR1(form = ~ Time | Rat), weights = varPower(form = ~Time)),
  Dialyzer_gls_power_AR1 = function() gls(curve, dialyzer,
    correlation = corAR1(form = ~ 1 | Subject), weights = varPower(form = ~pressure)),
  Dialyzer_gls_exp = function() gls(curve, dialyzer, weights = varExp(form = ~pressure)),
  Dialyzer_lme_power = function() lme(curve, dialyzer, ~ pressure | Subject,
    weights = varPower(form = ~pressure)),
  RatPup_varIdent = function() lme(litters, pups, ~ 1 | Litter,
    weights = varIdent(form = ~ 1 | Treatment)),
  RatPup_varIdent_two = function() lme(litters, pups, ~ 1 | Litter,
    weights = varIdent(form = ~ 1 | sex * Treatment)),
  Soybean_CAR1_varIdent = function() lme(lw ~ t + I(t^2) + Variety * Year, soybean, ~ t | Plot,
    correlation = corCAR1(form = ~ t | Plot), weights = varIdent(form = ~ 1 | Year)),
  MMRM_unstructured = function() gls(y ~ visit * arm, trial,
    correlation = corSymm(form = ~ v | id), weights = varIdent(form = ~ 1 | visit)),
  MMRM_CS = function() gls(y ~ visit * arm, trial, correlation = corCompSymm(form = ~ 1 | id)),
  MMRM_CS_het = function() gls(y ~ visit * arm, trial,
    correlation = corCompSymm(form = ~ 1 | id), weights = varIdent(form = ~ 1 | visit)),
  MMRM_AR1_het = function() gls(y ~ visit * arm, trial,
    correlation = corAR1(form = ~ v | id), weights = varIdent(form = ~ 1 | visit)),
  sim_AR1_varIdent_slope = function() lme(y ~ t * sex, ar1, ~ t | id,
    correlation = corAR1(form = ~ t | id), weights = varIdent(form = ~ 1 | sex)),
  sim_AR1_row_order = function() lme(y ~ t * sex, ar1, ~ t | id,
    correlation = corAR1(form = ~ 1 | id))
)
glmmTMB <- list(
  RatPup_varIdent = function() glmmTMB(update(litters, . ~ . + (1 | Litter)), pups,
    dispformula = ~Treatment, REML = TRUE),
  RatPup_varIdent_two = function() glmmTMB(update(litters, . ~ . + (1 | Litter)), pups,
    dispformula = ~ sex * Treatment, REML = TRUE),
  MMRM_unstructured = function() glmmTMB(y ~ visit * arm + us(0 + visit | id), trial,
    dispformula = ~0, REML = TRUE),
  MMRM_CS_het = function() glmmTMB(y ~ visit * arm + cs(0 + visit | id), trial,
    dispformula = ~0, REML = TRUE)
)

contest <- function(package, models) {
  if (!requireNamespace(package, quietly = TRUE)) return(line(package, "", NA, "not installed"))
  quiet(library(package, character.only = TRUE))
  for (name in names(models)) {
    fit <- tryCatch(quiet(models[[name]]()), error = identity)
    if (inherits(fit, "error")) {
      line(package, name, NA, paste("error:", conditionMessage(fit)))
    } else {
      quiet(models[[name]]())  # the byte compiler
      taken <- replicate(repetitions, sum(system.time(quiet(for (i in 1:10) models[[name]]()))[1:2]))
      line(package, name, as.numeric(logLik(fit)), "", min(taken) / 10)
    }
  }
}
line <- function(package, name, loglik, remark, seconds = NA) {
  remark <- gsub("\"", "'", gsub("[[:space:]]+", " ", remark))
  cat(sprintf("%s,%s,%.8f,\"%s\",%.6f\n", package, name, loglik, remark, seconds))
}

cat("package,model,loglik,remark,seconds\n")
contest("nlme", nlme)
contest("glmmTMB", glmmTMB)
