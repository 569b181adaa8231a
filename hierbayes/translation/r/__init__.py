"""R: nlme, lme4, brms and rstanarm."""
