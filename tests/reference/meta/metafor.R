# Meta-analyses of several levels and outcomes by metafor and clubSandwich:
# Rscript metafor.R, in this folder, writes its data and metafor.json
suppressMessages({library(metafor); library(metadat); library(clubSandwich)})
schools <- as.data.frame(dat.konstantopoulos2011)
schools$s <- sqrt(schools$vi)
trials <- as.data.frame(dat.berkey1998)[, c("trial", "author", "year", "outcome", "yi", "vi")]
trials$s <- sqrt(trials$vi)
write.csv(schools, "konstantopoulos2011.csv", row.names = FALSE)
offences <- as.data.frame(dat.assink2016)
offences$s <- sqrt(offences$vi)
write.csv(offences, "assink2016.csv", row.names = FALSE)
write.csv(trials, "berkey1998.csv", row.names = FALSE)
of <- function(method, data, mods, random, ...) {
  fit <- rma.mv(yi, vi, mods = mods, random = random, data = data, method = method,
                control = list(optimizer = "nlminb", rel.tol = 1e-10), ...)
  W <- diag(1 / data$vi)
  X <- model.matrix(fit)
  P <- W - W %*% X %*% solve(t(X) %*% W %*% X) %*% t(X) %*% W
  robust <- as.data.frame(coef_test(fit, vcov = "CR2"))
  list(loglik = as.numeric(logLik(fit)), variances = c(if (fit$withS) fit$sigma2, if (fit$withG) fit$tau2),
       gamma = as.numeric(fit$beta), se = fit$se, Q = fit$QE, Q_df = fit$k - fit$p, Q_p = fit$QEp,
       typical_variance = (fit$k - fit$p) / sum(diag(P)),
       robust_se = robust$SE, robust_df = robust$df_Satt)
}
cases <- function(method) list(
  levels = of(method, schools, ~ 1, ~ 1 | district/school),
  moderator = of(method, schools, ~ I(year - 1990), ~ 1 | district/school),
  outcomes = of(method, trials, ~ outcome - 1, ~ outcome | trial, struct = "UN"),
  alike = of(method, trials, ~ outcome - 1, ~ 1 | trial/outcome),
  few = of(method, offences, ~ pubstatus + year + deltype, ~ 1 | study/esid))
three <- rma.mv(yi, vi, random = ~ 1 | district/school, data = schools, method = "REML")
limits <- lapply(1:2, function(k) as.numeric(confint(three, sigma2 = k)$random[2, 2:3]))
one <- function(method) {  # of one level: I² and H² as rma.uni prints them
  fit <- rma.uni(yi, vi, mods = ~ I(year - 1990), data = schools, method = method,
                 control = list(threshold = 1e-12))
  list(tau2 = fit$tau2, I2 = fit$I2 / 100, H2 = fit$H2, Q = fit$QE, Q_df = fit$k - fit$p,
       Q_p = fit$QEp)
}
cat(jsonlite::toJSON(list(REML = cases("REML"), ML = cases("ML"), levels_limits = limits,
                          one_level = list(REML = one("REML"), ML = one("ML"))),
                     digits = 12, auto_unbox = TRUE, pretty = TRUE), file = "metafor.json")
