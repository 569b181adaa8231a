# Times lme4 and nlme by REML: Rscript rivals.R data.csv batches batch
# Prints a CSV line per package: name, loglik, remark, seconds (whole), seconds (fit alone).
arguments <- commandArgs(trailingOnly = TRUE)
data <- read.csv(arguments[1])
batches <- as.integer(arguments[2])
batch <- as.integer(arguments[3])
fixed <- mathach ~ ses * Sector
one_formula <- mathach ~ ses * Sector + (1 + ses | school)
quiet <- function(expr) suppressMessages(suppressWarnings(expr))

# Seconds per call; `prepare` makes one fresh input for each call, untimed.
measure <- function(run, prepare = function() NULL) {
  replicate(batches, {
    inputs <- lapply(seq_len(batch), function(i) prepare())
    system.time(quiet(for (input in inputs) run(input)))[["elapsed"]] / batch
  })
}

report <- function(name, loglik = NA, remark = "", whole = numeric(), alone = numeric()) {
  value <- if (is.na(loglik)) "NA" else sprintf("%.8f", loglik)
  remark <- gsub("\"", "'", gsub("[[:space:]]+", " ", remark))
  cat(sprintf("%s,%s,\"%s\",%s,%s\n", name, value, remark,
              paste(sprintf("%.6f", whole), collapse = " "),
              paste(sprintf("%.6f", alone), collapse = " ")))
}

contest <- function(name, fit, singular, ...) {
  if (!requireNamespace(name, quietly = TRUE)) return(report(name, remark = "not installed"))
  quiet(library(name, character.only = TRUE))
  first <- tryCatch(quiet(fit()), error = identity)
  if (inherits(first, "error")) {
    return(report(name, remark = paste("error:", conditionMessage(first))))
  }
  for (i in 1:2) quiet(fit())  # the byte compiler starts at the third call
  remark <- if (singular(first)) "singular" else ""
  report(name, as.numeric(logLik(first)), remark, measure(function(input) fit()), ...)
}

cat("name,loglik,remark,whole,alone\n")
contest("lme4", function() lmer(one_formula, data, REML = TRUE), function(m) isSingular(m),
  alone = measure(
    function(parsed) {
      deviance <- do.call(mkLmerDevfun, parsed)
      optimum <- optimizeLmer(deviance)
      mkMerMod(environment(deviance), optimum, parsed$reTrms, parsed$fr)
    },
    function() quiet(lFormula(one_formula, data, REML = TRUE))
  ))
contest("nlme", function() lme(fixed, random = ~ 1 + ses | school, data = data),
        function(m) FALSE)
