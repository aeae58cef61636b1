# A second, independent Laplace approximation in plain R, for cells that R's ordinal refuses (cauchit, where single
# weights are negative although the whole Hessian is positive definite). Nothing here is shared with ordinal's code
# but its table of threshold structures. Slow and simple on purpose.
suppressPackageStartupMessages(library(Matrix))

# Distribution, density and slope of the density of each link.
LINK <- list(
  logit = list(p = plogis, d = dlogis, g = function(x) dlogis(x) * (1 - 2 * plogis(x))),
  probit = list(p = pnorm, d = dnorm, g = function(x) -x * dnorm(x)),
  cauchit = list(p = pcauchy, d = dcauchy, g = function(x) -2 * x / (pi * (1 + x^2)^2)),
  cloglog = list(p = function(x) -expm1(-exp(x)), d = function(x) exp(x - exp(x)),
                 g = function(x) exp(x - exp(x)) * (1 - exp(x))),
  loglog = list(p = function(x) exp(-exp(-x)), d = function(x) exp(-x - exp(-x)),
                g = function(x) exp(-x - exp(-x)) * (exp(-x) - 1))
)

# y: integer levels; X: without intercept; groups: list of factors; returns minus the Laplace log-likelihood of
# par = (alpha, beta, sd_1, ..., sd_k).
laplace_objective <- function(y, X, groups, link, threshold, weights) {
  f <- LINK[[link]]
  jac <- ordinal:::makeThresholds(as.character(seq_len(max(y))), threshold)$tJac
  Z <- do.call(cbind, lapply(groups, function(g) t(fac2sparse(g, drop.unused.levels = TRUE))))
  sizes <- vapply(groups, nlevels, 0L)
  n_alpha <- ncol(jac)
  mode <- rep(0, ncol(Z)) # of the last call: where the next one starts
  identity <- Diagonal(ncol(Z))
  zero <- function(x) { x[!is.finite(x)] <- 0; x }
  reset <- function() mode <<- 0 * mode
  objective <- function(par) {
    # ordinal closes the scale at 1e5; for cauchit 3e-6 of probability lies beyond, and the comparison wants the same.
    theta <- c(-1e5, jac %*% par[seq_len(n_alpha)], 1e5)
    if (is.unsorted(theta)) return(Inf)
    fixed <- if (ncol(X)) as.vector(X %*% par[n_alpha + seq_len(ncol(X))]) else 0
    lambda <- rep(par[n_alpha + ncol(X) + seq_along(sizes)], sizes)
    ZL <- Z %*% Diagonal(x = lambda)
    state <- function(u) {
      eta <- fixed + as.vector(ZL %*% u)
      hi <- theta[y + 1] - eta; lo <- theta[y] - eta
      pr <- f$p(hi) - f$p(lo)
      if (any(!is.finite(pr)) || any(pr <= 0)) return(list(h = Inf))
      d <- (zero(f$d(hi)) - zero(f$d(lo))) / pr                             # = - d log p / d eta
      w <- weights * (d^2 - (zero(f$g(hi)) - zero(f$g(lo))) / pr) # = - d2 log p / d eta2
      list(h = sum(-weights * log(pr)) + sum(u^2) / 2, grad = as.vector(crossprod(ZL, weights * d)) + u, w = w)
    }
    factor <- function(w) {  # NULL where the Hessian is not positive definite
      m <- forceSymmetric(crossprod(ZL, Diagonal(x = w) %*% ZL)) + identity
      tryCatch(Cholesky(m, LDL = FALSE), error = function(e) NULL, warning = function(w) NULL)
    }
    u <- mode; now <- state(u)
    if (!is.finite(now$h)) { u <- 0 * mode; now <- state(u) }
    if (!is.finite(now$h)) return(Inf)
    for (iter in 1:300) {
      if (!all(is.finite(now$grad))) return(Inf)
      if (max(abs(now$grad)) < 1e-10) break
      L <- factor(now$w)
      if (is.null(L)) L <- factor(pmax(now$w, 0))
      move <- as.vector(solve(L, now$grad))
      scale <- 1
      repeat {
        trial <- state(u - scale * move)
        if (is.finite(trial$h) && trial$h <= now$h + 1e-12) break
        scale <- scale / 2
        if (scale < 1e-10) break
      }
      if (scale < 1e-10) break
      u <- u - scale * move; now <- trial
    }
    if (max(abs(now$grad)) > 1e-5) return(Inf)
    L <- factor(now$w)
    if (is.null(L)) return(Inf)
    mode <<- u
    now$h + as.numeric(determinant(L)$modulus)
  }
  list(objective = objective, reset = reset)
}

# Fit a cell with it: nlminb from the fixed-effects fit, then Newton. Same list as fit_clmm's.
fit_laplace <- function(formula, data, link, threshold, weights, newton = 12) {
  bars <- lme4::findbars(formula)
  groups <- lapply(bars, function(b) {
    parts <- strsplit(deparse(b[[3]]), ":", fixed = TRUE)[[1]]
    interaction(lapply(parts, function(v) data[[trimws(v)]]), drop = TRUE)
  })
  names(groups) <- vapply(bars, function(b) deparse(b[[3]]), "")
  start <- suppressWarnings(do.call(clm, list(formula = lme4::nobars(formula), data = data, link = link,
    threshold = threshold, weights = weights)))
  y <- as.integer(model.response(start$model))
  X <- model.matrix(start)$X[, -1, drop = FALSE]
  X <- X[, colnames(X) %in% names(start$beta), drop = FALSE]
  model <- laplace_objective(y, X, groups, link, threshold, weights)
  objective <- model$objective; reset <- model$reset
  k <- length(start$coefficients)
  # cauchit has several local maxima, and runs off where the Hessian turns singular: of the first two starts the better
  # interior maximum counts; where neither has one, further starts are tried in turn.
  starts <- list(c(1, 0.5), c(1, 1.5), c(1, 0.2), c(1.5, 1), c(1.5, 2), c(2, 2), c(1.2, 0.7), c(1.8, 1.5))
  best <- NULL
  for (i in seq_along(starts)) {
    if (i > 2 && isTRUE(best$interior)) break
    reset()
    fit <- nlminb(c(start$coefficients * starts[[i]][1], rep(starts[[i]][2], length(groups))), objective,
                  lower = c(rep(-Inf, k), rep(0, length(groups))),
                  control = list(rel.tol = 1e-14, x.tol = 1e-12, eval.max = 1500, iter.max = 300))
    bound <- c(rep(FALSE, k), fit$par[-seq_len(k)] < 1e-3)
    better <- polish(objective, fit$par, !bound, newton)
    value <- objective(better$par)
    interior <- is.finite(value) && isTRUE(better$decrement >= 0 && better$decrement < 1e-8)
    trial <- list(par = better$par, value = value, interior = interior, decrement = better$decrement, bound = bound,
                  convergence = fit$convergence, message = fit$message)
    if (is.null(best) || (interior && !best$interior) || (interior == best$interior && value < best$value)) best <- trial
  }
  par <- best$par; bound <- best$bound
  objective(par)
  full <- function(x) { p <- par; p[!bound] <- x; objective(p) }
  # Small steps amplify the rounding of the inner mode, large ones see higher derivatives: extrapolate from two.
  coarse <- ordinal:::deriv12(full, par[!bound], delta = 1e-3)
  fine <- ordinal:::deriv12(full, par[!bound], delta = 5e-4)
  d <- list(Hessian = (4 * fine$Hessian - coarse$Hessian) / 3, gradient = (4 * fine$gradient - coarse$gradient) / 3)
  jac <- start$tJac; n_alpha <- length(start$alpha)
  v <- tryCatch(solve(d$Hessian), error = function(e) NULL)
  ok <- !is.null(v) && all(eigen(d$Hessian, TRUE)$values > 0)
  se <- if (ok) sqrt(diag(v))[seq_len(k)] else rep(NA_real_, k)
  labels <- paste(start$y.levels[-length(start$y.levels)], start$y.levels[-1], sep = "|")
  alpha <- setNames(par[seq_len(n_alpha)], names(start$alpha))
  list(
    logLik = -objective(par), n_obs = sum(weights),
    alpha = alpha, alpha_se = setNames(se[seq_len(n_alpha)], names(alpha)),
    thresholds = setNames(as.vector(jac %*% alpha), labels),
    thresholds_se = setNames(if (ok) delta_se(jac, v[seq_len(n_alpha), seq_len(n_alpha), drop = FALSE]) else rep(NA, nrow(jac)), labels),
    coefficients = setNames(par[n_alpha + seq_along(start$beta)], names(start$beta)),
    coefficients_se = setNames(se[-seq_len(n_alpha)], names(start$beta)),
    decrement = best$decrement, random_sd = setNames(par[-seq_len(k)], names(groups)),
    max_gradient = max(abs(d$gradient)), code = best$convergence, optimiser_said = best$message
  )
}
