# Times inference of R's packages: Rscript inference.R hs.csv hsfull.csv task pieces repetitions
# Prints a CSV line per package: name, answer, remark, pieces, seconds of each repetition.
arguments <- commandArgs(trailingOnly = TRUE)
task <- arguments[3]
pieces <- as.integer(arguments[4])
repetitions <- as.integer(arguments[5])
formula <- mathach ~ ses * Sector + (1 + ses | school)
quiet <- function(expr) suppressMessages(suppressWarnings(expr))
limits <- function(table, row) sprintf("%.4f to %.4f", table[row, 1], table[row, 2])
coefficient <- function(table) {
  sprintf("%.2f, %.4f", table["ses", "df"], table["ses", "Std. Error"])
}

report <- function(name, answer = "", remark = "", pieces = 1, seconds = numeric()) {
  remark <- gsub("\"", "'", gsub("[[:space:]]+", " ", remark))
  cat(sprintf("%s,\"%s\",\"%s\",%d,%s\n", name, answer, remark, pieces,
              paste(sprintf("%.6f", seconds), collapse = " ")))
}

# `prepare` loads and fits, untimed; `run` gets what it returned and the number of the call.
contest <- function(name, prepare, run, answer, pieces = 1) {
  for (package in c("lme4", name)) {
    if (!requireNamespace(package, quietly = TRUE)) return(report(name, remark = "not installed"))
  }
  first <- tryCatch(quiet({
    library(lme4)
    prepared <- prepare()
    run(prepared, 0L)
  }), error = identity)
  if (inherits(first, "error")) {
    return(report(name, remark = paste("error:", conditionMessage(first))))
  }
  for (i in 1:2) quiet(run(prepared, 0L))  # the byte compiler starts at the third call
  seconds <- vapply(seq_len(repetitions), function(i) {
    system.time(quiet(run(prepared, i)))[["elapsed"]]
  }, numeric(1))
  report(name, answer(first), "", pieces, seconds)
}

hs <- read.csv(arguments[1])  # global: lmerTest evaluates the call of the fit again
on_hs <- function() lmer(formula, hs, REML = TRUE)

contests <- list(
  bootstrap = function() contest("lme4", on_hs,
    function(m, i) {
      bootMer(m, function(x) c(fixef(x), getME(x, "theta"), sigma(x)), nsim = pieces, seed = i)
    },
    function(drawn) sprintf("%.4f", sd(drawn$t[, "ses"])), pieces),
  profile = function() contest("lme4", on_hs,
    function(m, i) confint(m, method = "profile", oldNames = FALSE, quiet = TRUE),
    function(table) limits(table, "ses:SectorPublic")),
  "profile-fixed" = function() contest("lme4", on_hs,
    function(m, i) confint(m, parm = "beta_", method = "profile", quiet = TRUE),
    function(table) limits(table, "ses:SectorPublic")),
  deletion = function() contest("lme4",
    function() {
      data <- read.csv(arguments[2])
      schools <- sort(unique(data$school))
      step <- length(schools) %/% pieces
      list(data = data, fit = lmer(formula, data, REML = TRUE),
           schools = schools[seq(1, by = step, length.out = pieces)])
    },
    function(all, i) {
      lapply(all$schools, function(one) {
        update(all$fit, data = all$data[all$data$school != one, ])
      })
    },
    function(fits) sprintf("%.4f", fixef(fits[[1]])[["ses"]]), pieces),
  satterthwaite = function() contest("lmerTest", on_hs,
    function(m, i) coef(summary(lmerTest::as_lmerModLmerTest(m), ddf = "Satterthwaite")),
    coefficient),
  "kenward-roger" = function() {
    contest("lmerTest", function() {
      if (!requireNamespace("pbkrtest", quietly = TRUE)) stop("needs pbkrtest")
      lmerTest::as_lmerModLmerTest(on_hs())
    }, function(m, i) coef(summary(m, ddf = "Kenward-Roger")), coefficient)
    contest("pbkrtest", on_hs, function(m, i) pbkrtest::KRmodcomp(m, diag(length(fixef(m)))),
      function(test) sprintf("joint %.2f", test$test["Ftest", "ddf"]))
  }
)

cat("name,answer,remark,pieces,seconds\n")
invisible(contests[[task]]())
