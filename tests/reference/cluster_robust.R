# Cluster-robust covariances by clubSandwich: Rscript cluster_robust.R hs.csv > cluster_robust.json
# hs.csv is hb.load_dataset("hs").to_csv("hs.csv", index=False)
library(lme4); library(nlme); library(clubSandwich)
data <- read.csv(commandArgs(trailingOnly = TRUE)[1])
models <- list(
  REML = lmer(mathach ~ ses * Sector + (1 + ses | school), data = data,
              control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10))),
  ML = lme(mathach ~ ses * Sector, random = ~ 1 | school, data = data, method = "ML",
           control = lmeControl(tolerance = 1e-12, msTol = 1e-12)))
of <- function(model, kind) {
  V <- vcovCR(model, type = kind)
  rows <- as.data.frame(coef_test(model, vcov = V, test = "Satterthwaite"))
  joint <- Wald_test(model, constraints = constrain_zero(2:4), vcov = V, test = "HTZ")
  list(se = rows$SE, df = rows$df_Satt, F = joint$Fstat, denDF = joint$df_denom)
}
found <- lapply(models, function(m) sapply(c("CR0", "CR1", "CR2"), function(k) of(m, k), simplify = FALSE))
cat(jsonlite::toJSON(c(list(clubSandwich = as.character(packageVersion("clubSandwich"))), found),
                     digits = 10, auto_unbox = TRUE, pretty = TRUE), "\n")
