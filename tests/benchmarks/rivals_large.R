# lme4 on a million rows: Rscript rivals_large.R folder, the columns as plain numbers in it.
# Prints a line of JSON: seconds of reading, of the fit on the clock and of the processors, memory.
folder <- commandArgs(trailingOnly = TRUE)[1]
suppressMessages(library(lme4))
size <- file.size(file.path(folder, "ses.numbers")) / 8
column <- function(name) readBin(file.path(folder, paste0(name, ".numbers")), "double", size)
reading <- system.time({
  data <- data.frame(mathach = column("mathach"), ses = column("ses"), Sector = column("Sector"),
                     school = factor(column("school")))
})[["elapsed"]]
fit <- function(rows) suppressMessages(suppressWarnings(
  lmer(mathach ~ ses * Sector + (1 + ses | school), rows, REML = TRUE)))
few <- data[1:2000, ]
few$school <- factor(as.integer(few$school) %% 40)
invisible(fit(few))
status <- readLines("/proc/self/status")
before <- as.numeric(gsub("[^0-9]", "", grep("VmRSS", status, value = TRUE))) / 1024
taken <- system.time(found <- fit(data))
cat(sprintf('\n{"read": %.4f, "clock": %.4f, "processor": %.4f, "before": %.1f, "loglik": %.6f}\n',
            reading, taken[["elapsed"]], taken[["user.self"]] + taken[["sys.self"]], before,
            as.numeric(logLik(found))))
