# One clmm fit with R's defaults, timed: Rscript benchmarks/ordinal.R data.csv "<formula>" factor=reference ...
suppressPackageStartupMessages(library(ordinal))
args <- commandArgs(TRUE)
data <- read.csv(args[1], stringsAsFactors = TRUE)
formula <- as.formula(args[2])
data[[all.vars(formula)[1]]] <- ordered(data[[all.vars(formula)[1]]])
for (pair in strsplit(args[-(1:2)], "=", fixed = TRUE)) data[[pair[1]]] <- relevel(data[[pair[1]]], ref = pair[2])
for (v in c("participant", "item", "s", "d")) if (v %in% names(data)) data[[v]] <- factor(data[[v]])
gc(reset = TRUE)
seconds <- system.time(fit <- suppressWarnings(clmm(formula, data = data)))[["elapsed"]]
memory <- sum(gc()[, 6])
cat(sprintf('{"seconds": %.3f, "loglik": %.6f, "peak_mb": %.0f, "converged": %s}\n', seconds, fit$logLik, memory,
            tolower(fit$optRes$convergence == 0)))
