# Times the loop of a power study in R: Rscript power.R hs.csv replications
# A response is simulated from the REML fit, the model refitted, and one coefficient tested by
# Satterthwaite's t: what simr's powerSim() does, without simr's own code.
# Prints a CSV line: CPU seconds of all replications, the share of p < 0.05, or what is wrong.
arguments <- commandArgs(trailingOnly = TRUE)
replications <- as.integer(arguments[2])
cat("seconds,power,remark\n")
for (package in c("lme4", "lmerTest")) {
  if (!requireNamespace(package, quietly = TRUE)) {
    cat(sprintf(",,%s is not installed\n", package))
    quit()
  }
}
suppressMessages(library(lmerTest))
hs <- read.csv(arguments[1])
formula <- mathach ~ ses * Sector + (1 + ses | school)
fit <- lmer(formula, hs)
term <- "ses:SectorPublic"
one <- function(seed) {
  hs$mathach <<- simulate(fit, seed = seed)[[1]]
  again <- suppressMessages(suppressWarnings(lmer(formula, hs)))
  coef(summary(again))[term, "Pr(>|t|)"]
}
for (seed in 1:3) one(seed)  # the byte compiler starts at the third call
used <- system.time(p <- vapply(seq_len(replications), one, numeric(1)))
cat(sprintf("%.6f,%.3f,\n", sum(used[c("user.self", "sys.self")]), mean(p < 0.05)))
