# Shared by the scripts of this folder: fit one cell with R's ordinal as tightly as it goes, write JSON by hand.
suppressPackageStartupMessages(library(ordinal))
here <- dirname(normalizePath(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE))))
root <- dirname(dirname(here))
LINKS <- c("logit", "probit", "cloglog", "loglog", "cauchit")
THRESHOLDS <- c("flexible", "symmetric", "symmetric2", "equidistant")

real_data <- function(...) {
  folder <- Sys.getenv("PLURAL_REAL_DATA")
  if (folder == "") stop("set PLURAL_REAL_DATA to the folder that holds classic/wine.csv")
  file.path(folder, ...)
}

# ---- JSON -------------------------------------------------------------------------------------
number <- function(x) ifelse(is.finite(x), sprintf("%.12g", x), "null")
quoted <- function(x) paste0('"', gsub("\n", " ", gsub('(["\\\\])', "\\\\\\1", x)), '"')
as_json <- function(x, indent = "") {
  inner <- paste0(indent, " ")
  if (is.null(x) || (length(x) == 0 && !is.list(x))) return("null")
  if (is.list(x)) {
    body <- vapply(x, as_json, "", indent = inner)
    if (!is.null(names(x))) body <- paste0(quoted(names(x)), ": ", body)
    ends <- if (is.null(names(x)) && length(x) == 0) c("[", "]") else if (is.null(names(x))) c("[", "]") else c("{", "}")
    if (length(body) == 0) return(paste0(ends[1], ends[2]))
    return(paste0(ends[1], "\n", inner, paste(body, collapse = paste0(",\n", inner)), "\n", indent, ends[2]))
  }
  values <- if (is.character(x)) quoted(x) else if (is.logical(x)) ifelse(is.na(x), "null", tolower(x)) else number(x)
  if (!is.null(names(x))) return(paste0("{", paste0(quoted(names(x)), ": ", values, collapse = ", "), "}"))
  if (length(x) == 1 && !inherits(x, "AsIs")) return(unname(values))
  paste0("[", paste(values, collapse = ", "), "]")
}
write_json <- function(x, name) {
  path <- file.path(here, "values", name)
  writeLines(as_json(x), path)
  cat("wrote", path, "\n")
}
versions <- function() list(
  R = paste(R.version$major, R.version$minor, sep = "."),
  ordinal = as.character(packageVersion("ordinal"))
)

# ---- fitting ----------------------------------------------------------------------------------
quietly <- function(expr) {
  # Value plus every distinct warning and error text, as R says them.
  said <- character()
  value <- withCallingHandlers(
    tryCatch(expr, error = function(e) {
      said <<- c(said, paste("error:", conditionMessage(e)))
      NULL
    }),
    warning = function(w) {
      said <<- c(said, paste("warning:", conditionMessage(w)))
      invokeRestart("muffleWarning")
    }
  )
  said <- sub("\n  at iteration .*", "", said)
  list(value = value, said = unique(said))
}

# Standard errors from a covariance on the scale of R's own parameters (alpha, beta); NA where R has none.
delta_se <- function(jac, vcov) sqrt(pmax(0, diag(jac %*% vcov %*% t(jac))))

# `gap` says how far the reported optimum may still be off: the Newton decrement, in log-likelihood units.
numbers <- function(fit, gap) {
  alpha <- fit$alpha; beta <- fit$beta
  v <- tryCatch(suppressWarnings(as.matrix(vcov(fit))), error = function(e) NULL)
  k <- length(alpha) + length(beta)
  ok <- !is.null(v) && nrow(v) >= k && all(is.finite(v[seq_len(k), seq_len(k)]))
  se <- if (ok) sqrt(diag(v))[seq_len(k)] else rep(NA_real_, k)
  theta <- as.vector(fit$tJac %*% alpha)
  labels <- paste(fit$y.levels[-length(fit$y.levels)], fit$y.levels[-1], sep = "|")
  theta_se <- if (ok) delta_se(fit$tJac, v[seq_along(alpha), seq_along(alpha), drop = FALSE]) else rep(NA_real_, length(theta))
  out <- list(
    logLik = as.numeric(fit$logLik), n_obs = if (is.null(fit$dims)) fit$nobs else fit$dims$nobs,
    alpha = alpha, alpha_se = setNames(se[seq_along(alpha)], names(alpha)),
    thresholds = setNames(theta, labels), thresholds_se = setNames(theta_se, labels),
    coefficients = beta, coefficients_se = setNames(se[-seq_along(alpha)], names(beta)),
    decrement = gap
  )
  if (!is.null(fit$ST)) {
    out$random_sd <- setNames(abs(vapply(fit$ST, function(s) s[1, 1], 0)), names(fit$ST))
    out$max_gradient <- max(abs(fit$gradient))
    out$code <- fit$optRes$convergence
    out$optimiser_said <- fit$optRes$message
  } else {
    out$max_gradient <- fit$maxGradient
    out$code <- fit$convergence$code
  }
  out
}

# Newton steps on R's own Laplace likelihood, from where nlminb stopped: nlminb's finite differences leave the
# parameters good to about 1e-4 only, and the comparison wants them better.
polish <- function(objective, par, free, steps = 8) {
  f <- function(x) { p <- par; p[free] <- x; objective(p) }
  x <- par[free]; fx <- f(x); decrement <- NA
  for (step in seq_len(steps)) {
    d <- ordinal:::deriv12(f, x)
    move <- tryCatch(solve(d$Hessian, d$gradient), error = function(e) NULL)
    if (is.null(move) || !all(is.finite(move))) break
    decrement <- sum(move * d$gradient) / 2
    if (!is.finite(decrement) || decrement < 0 || decrement < 1e-12) break
    scale <- 1
    repeat {
      trial <- x - scale * move
      ft <- tryCatch(f(trial), error = function(e) Inf)
      if (is.finite(ft) && ft <= fx + 1e-11) break
      scale <- scale / 2
      if (scale < 1e-3) break
    }
    if (scale < 1e-3) break
    x <- trial; fx <- ft
  }
  par[free] <- x
  list(par = par, decrement = decrement)
}

# R has two codes for one random term. The C code ("ssr") takes log|D| one Newton step before the inner mode, which
# costs up to 1e-4 in the log-likelihood of soup; the Matrix code takes it at the mode, but refuses a single
# negative weight, so cauchit cannot use it. Below 1e-6 the inner gradient is rounding noise on 1,847 rows.
control_for <- function(link, nAGQ, rows) {
  matrix_code <- link != "cauchit" && nAGQ == 1
  list(gradTol = if (matrix_code || rows > 500) 1e-6 else 1e-8, maxIter = 200, maxLineIter = 50, innerCtrl = "noWarn",
       useMatrix = matrix_code, rel.tol = 1e-14, x.tol = 1e-12, eval.max = 4000, iter.max = 2000)
}

fit_clm <- function(formula, data, link, threshold, weights) {
  run <- quietly(do.call(clm, list(formula = formula, data = data, link = link, threshold = threshold,
    weights = weights, control = list(gradTol = 1e-9, maxIter = 500, relTol = 1e-12))))
  if (is.null(run$value)) return(list(undefined = run$said))
  c(numbers(run$value, NA), list(messages = I(run$said)))
}

fit_clmm <- function(formula, data, link, threshold, weights, nAGQ = 1, newton = 8) {
  call <- list(formula = formula, data = data, link = link, threshold = threshold,
               weights = weights, nAGQ = nAGQ, control = control_for(link, nAGQ, nrow(data)))
  run <- quietly(do.call(clmm, call))
  # With sd = 1, where R starts, cauchit may have no positive definite Hessian; a smaller sd has one.
  for (sd0 in c(0.6, 0.3, 0.1)) if (link == "cauchit" && is.null(run$value) && any(grepl("starting value", run$said))) {
    fixed <- suppressWarnings(do.call(clm, list(formula = lme4::nobars(formula), data = data, link = link,
      threshold = threshold, weights = weights)))
    call$start <- c(unname(fixed$coefficients), log(sd0))
    retry <- quietly(do.call(clmm, call))
    run <- list(value = retry$value, said = unique(c(run$said, paste0("start at sd ", sd0), retry$said)))
  }
  fit <- run$value
  call$start <- NULL
  if (is.null(fit)) return(list(undefined = I(run$said)))
  if (!is.finite(fit$logLik)) {
    return(list(undefined = I(c(run$said, paste0("logLik = ", fit$logLik, " at R's starting values")))))
  }
  first <- fit$logLik
  rho <- suppressWarnings(do.call(clmm, c(call, doFit = FALSE)))
  one_term <- length(fit$ST) == 1 && !call$control$useMatrix
  objective <- if (!one_term) function(p) ordinal:::getNLA(rho, p)
    else if (nAGQ > 1) function(p) ordinal:::getNAGQ.ssr(rho, p)
    else function(p) ordinal:::getNLA.ssr(rho, p)
  par <- fit$optRes$par
  k <- fit$dims$nfepar
  bound <- c(rep(FALSE, k), (if (one_term) exp(par[-seq_len(k)]) else par[-seq_len(k)]) < 1e-3)
  better <- quietly(polish(objective, par, !bound, newton))
  gap <- NA
  if (!is.null(better$value)) {
    p <- better$value$par; gap <- better$value$decrement
    again <- quietly(do.call(clmm, c(call, list(start = if (one_term) p else list(p[seq_len(k)], p[-seq_len(k)])))))
    if (!is.null(again$value) && is.finite(again$value$logLik) && again$value$logLik >= fit$logLik - 1e-10) {
      fit <- again$value
    }
  }
  c(numbers(fit, gap), list(logLik_first_fit = first, messages = I(unique(run$said))))
}

fit_cell <- function(formula, data, link, threshold, weights = rep(1, nrow(data)), ...) {
  started <- proc.time()[["elapsed"]]
  mixed <- any(grepl("|", deparse(formula), fixed = TRUE))
  out <- if (mixed) fit_clmm(formula, data, link, threshold, weights, ...)
    else fit_clm(formula, data, link, threshold, weights)
  cat(sprintf("%-60s %-8s %-12s %s  %.1f s\n", paste(deparse(formula), collapse = ""), link, threshold,
      if (is.null(out$undefined)) sprintf("%.6f grad %.1e decrement %.1e code %s", out$logLik, out$max_gradient, out$decrement, out$code)
      else paste("UNDEFINED:", paste(out$undefined, collapse = "; ")), proc.time()[["elapsed"]] - started))
  out
}
