# CR2 by clubSandwich where errors are unequal or correlated:
# Rscript cluster_robust_unequal.R orthodont.csv > cluster_robust_unequal.json
# orthodont.csv is hb.load_dataset("orthodont").to_csv("orthodont.csv", index=False)
suppressMessages({library(nlme); library(metafor); library(clubSandwich)})
children <- read.csv(commandArgs(trailingOnly = TRUE)[1])
children$visit <- (children$age - 8) / 2 + 1
children$Sex <- factor(children$Sex, c("Male", "Female"))
rats <- subset(read.csv("residuals/BodyWeight.csv"), Time != 44)
rats$week <- (rats$Time - 1) / 7 + 1
rats$Diet <- factor(rats$Diet); rats$w <- 1 + as.numeric(rats$Rat) %% 3
trials <- read.csv("weights/bcg.csv")
of_gls <- gls(distance ~ age * Sex, data = children, correlation = corAR1(form = ~ visit | Subject),
              weights = varIdent(form = ~ 1 | Sex), control = glsControl(tolerance = 1e-12, msTol = 1e-12))
of_lme <- lme(weight ~ Time * Diet, data = rats, random = ~ 1 | Rat,
              correlation = corAR1(form = ~ week | Rat), weights = varFixed(~ I(1 / w)),
              control = lmeControl(tolerance = 1e-10, msTol = 1e-10, maxIter = 500, msMaxIter = 500))
of_rma <- rma.uni(y, v, mods = ~ ablat, data = trials, control = list(threshold = 1e-12))
of <- function(model, ...) {
  rows <- as.data.frame(coef_test(model, vcov = "CR2", ...))
  list(se = sort(rows$SE), df = sort(rows$df_Satt))
}
found <- list(AR1_Strata = of(of_gls), AR1_weights = of(of_lme),
              known_sd = of(of_rma, cluster = seq_len(nrow(trials))))
cat(jsonlite::toJSON(c(list(clubSandwich = as.character(packageVersion("clubSandwich"))), found),
                     digits = 10, auto_unbox = TRUE, pretty = TRUE), "\n")
