# CPU seconds of lme4's lmer on one model of several grouping factors:
#   Rscript factors.R file.csv formula factors repetitions seconds
# with the columns that are factors separated by commas.  A fit that takes longer than a quarter of
# the seconds is not made again.  Prints a line of names and one of values: the log-likelihood,
# a remark, and the seconds of each fit, separated by spaces.
arguments <- commandArgs(trailingOnly = TRUE)
data <- read.csv(arguments[1])
formula <- as.formula(arguments[2])
for (name in strsplit(arguments[3], ",")[[1]]) data[[name]] <- factor(data[[name]])
repetitions <- as.integer(arguments[4])
budget <- as.numeric(arguments[5])
quiet <- function(expr) suppressMessages(suppressWarnings(expr))
seconds <- function(expr) sum(system.time(expr)[1:2])
say <- function(loglik, remark, taken) {
  remark <- gsub("\"", "'", gsub("[[:space:]]+", " ", remark))
  cat("loglik,remark,seconds\n")
  cat(sprintf("%.8f,\"%s\",\"%s\"\n", loglik, remark, paste(format(taken, digits = 6), collapse = " ")))
}

if (!requireNamespace("lme4", quietly = TRUE)) {
  say(NA, "not installed", numeric())
} else {
  quiet(library(lme4))
  fit <- NULL
  first <- tryCatch(seconds(quiet(fit <- lmer(formula, data))), error = identity)
  if (inherits(first, "error")) {
    say(NA, paste("error:", conditionMessage(first)), numeric())
  } else {
    taken <- first
    if (first < budget / 4) {
      often <- max(2L, min(repetitions, floor(budget / max(first, 1e-3))))
      quiet(lmer(formula, data))  # the byte compiler
      taken <- replicate(often, seconds(quiet(lmer(formula, data))))
    }
    said <- fit@optinfo$conv$lme4$messages
    say(as.numeric(logLik(fit)), if (is.null(said)) "" else said[1], taken)
  }
}
