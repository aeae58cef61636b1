# Writes tests/synthesis/reference/metafor_pinned.json: metafor's values for pooling, leave-one-out, cumulation,
# one moderator and the Q-profile interval, with metafor's own stopping rules tightened.
# Run: Rscript validation/synthesis/values.R
options(warn = 1)
suppressPackageStartupMessages({
  library(metafor)
  library(jsonlite)
})
here <- dirname(normalizePath(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE))))
reference <- file.path(dirname(dirname(here)), "tests", "synthesis", "reference")

METHODS <- c("FE", "DL", "PM", "REML", "ML", "HE", "SJ")
TESTS <- c("z", "knha")

classic <- function(name) {
  d <- read.csv(file.path(reference, paste0("meta_", name, ".csv")))
  list(yi = d$yi, vi = d$vi)
}
# Written by hand: sizes as in this project's pooling, and the corners.
sets <- list(
  bcg = classic("bcg"),
  normand1999 = classic("normand1999"),
  raudenbush1985 = classic("raudenbush1985"),
  seven_small = list(
    yi = c(0.021, 0.034, 0.008, 0.052, -0.006, 0.027, 0.041),
    vi = c(0.006, 0.009, 0.011, 0.007, 0.012, 0.008, 0.015)^2
  ),
  homogeneous = list(yi = c(0.10, 0.11, 0.09, 0.105, 0.098), vi = c(0.05, 0.04, 0.06, 0.05, 0.07)^2),
  far_from_zero = list(yi = 1000 + c(0.4, 1.9, -0.7, 1.1, 2.8), vi = c(0.5, 0.4, 0.9, 0.7, 0.3)^2),
  uneven = list(yi = c(0.1, 0.5, -0.3, 0.9), vi = c(0.001, 0.5, 2, 0.05)^2),
  three = list(yi = c(0.2, 0.5, 0.1), vi = c(0.01, 0.02, 0.04)),
  pair = list(yi = c(0.1, 0.6), vi = c(0.01, 0.02)),
  pair_close = list(yi = c(0.30, 0.31), vi = c(0.01, 0.02))
)
moderators <- list(
  bcg = c(44, 55, 42, 52, 13, 44, 19, 13, 27, 42, 18, 33, 33),
  raudenbush1985 = c(2, 3, 3, 0, 0, 3, 3, 3, 0, 1, 0, 0, 1, 2, 3, 3, 1, 2, 3),
  seven_small = log10(c(0.1, 0.3, 0.5, 1.1, 1.7, 3, 7)),
  three = c(1, 2, 4)
)

# Absolute stopping rules, so they are set from the data's own variance.
tight <- function(yi, vi) {
  size <- max(var(yi), min(vi))
  list(
    threshold = 1e-12 * size, tol = 1e-13 * size, maxiter = 20000,
    tau2.max = max(1000 * var(yi) * length(yi), 100 * max(vi))
  )
}
fit <- function(yi, vi, method, test, mods = NULL) {
  # Fixed effects with Knapp and Hartung's test: metafor warns, and computes.
  model <- if (is.null(mods)) yi ~ 1 else yi ~ mods
  control <- tight(yi, vi)
  # From its own start (Hedges, often 0) Fisher scoring can stop at tau2 = 0 below the maximum (set "uneven").
  if (method %in% c("ML", "REML")) control$tau2.init <- var(yi)
  suppressWarnings(rma(model, vi, method = method, test = test, control = control))
}
q_profile <- function(x, yi, vi) {
  if (x$method == "FE") return(c(NA, NA))
  unname(confint(x, type = "QP", control = tight(yi, vi))$random["tau^2", c("ci.lb", "ci.ub")])
}
pooled <- function(yi, vi, method, test) {
  x <- fit(yi, vi, method, test)
  ci <- q_profile(x, yi, vi)
  p <- predict(x)
  bounds <- if (method == "FE") c(NA, NA) else c(p$pi.lb, p$pi.ub)
  list(
    estimate = c(x$beta), std_error = x$se, ci_low = x$ci.lb, ci_high = x$ci.ub, p_value = x$pval, tau2 = x$tau2,
    tau2_ci_low = ci[1], tau2_ci_high = ci[2], i2 = x$I2, h2 = x$H2, q = x$QE, q_p = x$QEp,
    pi_low = bounds[1], pi_high = bounds[2], weights = unname(weights(x))
  )
}
series <- function(x) {
  list(
    estimate = x$estimate, std_error = x$se, p_value = x$pval, ci_low = x$ci.lb, ci_high = x$ci.ub,
    q = x$Q, q_p = x$Qp, tau2 = x$tau2, i2 = x$I2, h2 = x$H2
  )
}
regression <- function(yi, vi, z, method, test) {
  x <- fit(yi, vi, method, test, mods = z)
  ci <- q_profile(x, yi, vi)
  at <- predict(x, newmods = z[1:2])
  list(
    estimate = c(x$beta), std_error = x$se, ci_low = x$ci.lb, ci_high = x$ci.ub, p_value = x$pval,
    covariance = x$vb[1, 2], tau2 = x$tau2, tau2_ci_low = ci[1], tau2_ci_high = ci[2], i2 = x$I2, h2 = x$H2,
    q = x$QE, q_p = x$QEp, r2 = if (method == "FE") NA else x$R2,
    predicted = at$pred, predicted_se = at$se, predicted_low = at$ci.lb, predicted_high = at$ci.ub
  )
}

cells <- function(names, methods, tests, make) {
  out <- list()
  for (name in names) for (method in methods) for (test in tests) {
    value <- tryCatch(make(sets[[name]], name, method, test), error = function(e) list(error = conditionMessage(e)))
    out[[length(out) + 1]] <- c(list(data = name, method = method, test = test), value)
  }
  out
}
result <- list(
  made_with = paste0(R.version.string, ", metafor ", packageVersion("metafor")),
  data = sets,
  moderators = moderators,
  pooled = cells(names(sets), METHODS, TESTS, function(d, n, m, t) pooled(d$yi, d$vi, m, t)),
  leave_one_out = cells(c("bcg", "raudenbush1985", "seven_small", "three"), METHODS, TESTS, function(d, n, m, t) {
    series(leave1out(fit(d$yi, d$vi, m, t)))
  }),
  cumulative = cells(c("bcg", "raudenbush1985", "seven_small", "three"), METHODS, TESTS, function(d, n, m, t) {
    series(cumul(fit(d$yi, d$vi, m, t)))
  }),
  regression = cells(names(moderators), METHODS, TESTS, function(d, n, m, t) {
    regression(d$yi, d$vi, moderators[[n]], m, t)
  })
)
write(
  toJSON(result, digits = NA, na = "null", auto_unbox = TRUE, null = "null", pretty = FALSE),
  file.path(reference, "metafor_pinned.json")
)
for (part in c("pooled", "leave_one_out", "cumulative", "regression")) {
  for (cell in result[[part]]) if (!is.null(cell$error)) {
    cat(part, cell$data, cell$method, cell$test, "-", cell$error, "\n")
  }
}
