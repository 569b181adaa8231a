# CPU seconds of lme4 and glmmTMB on models of responses that are not Gaussian:
#   Rscript families.R folder repetitions limit
# No call takes more than ``limit`` seconds of wall clock.
# Prints a CSV line per package and model: package, model, loglik, remark, fastest seconds.
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
repetitions <- as.integer(arguments[2])
limit <- as.numeric(arguments[3])
long <- 30  # seconds: such a call is made once
quiet <- function(expr) suppressMessages(suppressWarnings(expr))

rows <- function(name, ...) {
  file <- file.path(folder, paste0(name, ".csv"))
  if (!file.exists(file)) return(NULL)
  data <- read.csv(file)
  for (column in c(...)) data[[column]] <- factor(data[[column]])
  data
}
herds <- rows("herds", "herd", "period")
districts <- rows("districts", "district")
ticks <- rows("ticks", "place", "brood", "year")
answers <- rows("answers", "group")

cases <- cbind(k, rest) ~ period + (1 | herd)
use <- use ~ age + age2 + urban + children + (1 | district)
slope <- use ~ age + age2 + urban + children + (1 + urban | district)
count <- ticks ~ year + height + (1 | place) + (1 | brood)
large <- y ~ x + (1 | group)

models <- list(
  herds = list(cases, herds, "binomial"),
  districts = list(use, districts, "binomial"),
  `districts, slope` = list(slope, districts, "binomial"),
  ticks = list(count, ticks, "poisson"),
  answers = list(large, answers, "binomial")
)
models <- Filter(function(one) !is.null(one[[2]]), models)

fits <- list(
  lme4 = function(one, nodes) glmer(one[[1]], one[[2]], one[[3]], nAGQ = nodes),
  glmmTMB = function(one, nodes) glmmTMB(one[[1]], one[[2]], family = one[[3]])
)
contest <- function(package) {
  if (!requireNamespace(package, quietly = TRUE)) return(line(package, "", NA, "not installed"))
  quiet(library(package, character.only = TRUE))
  tasks <- lapply(names(models), function(name) list(name, models[[name]], 1L))
  if (package == "lme4") {  # glmmTMB has Laplace's approximation alone
    by_nodes <- intersect(c("herds", "districts", "answers"), names(models))
    tasks <- c(tasks, lapply(by_nodes, function(name) {
      list(paste0(name, ", nodes"), models[[name]], 15L)
    }))
  }
  for (task in tasks) {
    call <- function() {
      setTimeLimit(elapsed = limit, transient = TRUE)
      on.exit(setTimeLimit())
      quiet(fits[[package]](task[[2]], task[[3]]))
    }
    first <- sum(system.time(fit <- tryCatch(call(), error = identity))[1:2])
    if (inherits(fit, "error")) {
      line(package, task[[1]], NA, paste("error:", conditionMessage(fit)))
    } else {
      taken <- if (first > long) first else replicate(repetitions, sum(system.time(call())[1:2]))
      line(package, task[[1]], as.numeric(logLik(fit)), "", min(taken))
    }
  }
}
line <- function(package, name, loglik, remark, seconds = NA) {
  remark <- gsub("\"", "'", gsub("[[:space:]]+", " ", remark))
  cat(sprintf("%s,\"%s\",%.8f,\"%s\",%.6f\n", package, name, loglik, remark, seconds))
}

cat("package,model,loglik,remark,seconds\n")
contest("lme4")
contest("glmmTMB")
