# Hurdle models by glmmTMB (Laplace's approximation), polished by Newton's steps to a gradient of
# 1e-8; run in this folder: Rscript hurdles.R
suppressMessages({library(glmmTMB); library(jsonlite); library(numDeriv)})
owls <- read.csv("Owls.csv")
owls$rate <- owls$calls / exp(owls$lb)
owls$late <- owls$ArrivalTime - 24
owls$night <- paste0("n", floor(owls$ArrivalTime * 4) %% 9)  # any second factor, crossed

models <- list(
  poisson = list(calls ~ FoodTreatment + late + (1 | Nest), ~ 1, truncated_poisson()),
  poisson_offset = list(calls ~ FoodTreatment + offset(lb) + (1 | Nest), ~ late, truncated_poisson()),
  negative_binomial = list(calls ~ FoodTreatment + (1 | Nest), ~ 1, truncated_nbinom2()),
  negative_binomial_1 = list(calls ~ late + (1 | Nest), ~ 1, truncated_nbinom1()),
  slopes = list(calls ~ late + (1 + late | Nest), ~ FoodTreatment, truncated_poisson()),
  two_factors = list(calls ~ FoodTreatment + (1 | Nest) + (1 | night), ~ 1, truncated_nbinom2()),
  gamma = list(rate ~ FoodTreatment + late + (1 | Nest), ~ FoodTreatment, ziGamma(link = "log"))
)

polished <- function(fit) {
  obj <- fit$obj
  par <- fit$fit$par
  for (step in 1:6) {
    gradient <- as.vector(obj$gr(par))
    if (max(abs(gradient)) < 1e-8) break
    par <- par - solve(jacobian(obj$gr, par), gradient)
  }
  obj$fn(par)
  list(par = par, gradient = max(abs(obj$gr(par))), hessian = jacobian(obj$gr, par),
       value = -obj$fn(par))
}

out <- lapply(models, function(one) {
  fit <- glmmTMB(one[[1]], ziformula = one[[2]], family = one[[3]], data = owls)
  found <- polished(fit)
  par <- found$par
  se <- sqrt(diag(solve(found$hessian)))
  of <- function(name) {
    own <- names(par) == name
    list(estimate = unname(par[own]), se = unname(se[own]))
  }
  theta <- unname(par[names(par) == "theta"])
  list(formula = deparse1(one[[1]]), zeros = deparse1(one[[2]]),
       family = one[[3]]$family, logLik = found$value,
       gradient = found$gradient, fixef = of("beta"), zero = of("betazi"),
       log_dispersion = unname(par[names(par) == "betad"]), theta = theta)
})
write(toJSON(out, digits = 12, auto_unbox = TRUE, pretty = TRUE, na = "null"), "hurdles.json")
