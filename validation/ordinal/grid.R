# The pinned grid: every link x threshold x random structure on one data set.
#   PLURAL_REAL_DATA=<folder> Rscript validation/ordinal/grid.R wine|soup|simulated|binary [cauchit]
# cauchit, which needs laplace.R, goes to a file of its own; without the second word the other four links are fitted.
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE))), "common.R"))
source(file.path(here, "laplace.R"))

factors <- function(d, names) { for (v in names) d[[v]] <- factor(d[[v]]); d }
simulated <- function() {
  d <- read.csv(file.path(root, "tests", "ordinal", "reference", "simulated.csv"), stringsAsFactors = TRUE)
  d$rating <- ordered(d$rating); d
}
SETS <- list(
  wine = list(
    data = function() { d <- read.csv(real_data("classic", "wine.csv")); d$rating <- ordered(d$rating)
      factors(d, c("temp", "contact", "bottle", "judge")) },
    none = rating ~ temp + contact, one = rating ~ temp + contact + (1 | judge),
    # temp is constant within a bottle and takes all of its variance, so it is left out here (see `boundary`).
    crossed = rating ~ contact + (1 | judge) + (1 | bottle),
    nested = rating ~ temp + contact + (1 | judge/temp),
    boundary = rating ~ temp + contact + (1 | judge) + (1 | bottle)),
  soup = list(
    data = function() { d <- read.csv(real_data("classic", "soup.csv")); d$SURENESS <- ordered(d$SURENESS)
      factors(d, c("PROD", "RESP", "PRODID")) },
    none = SURENESS ~ PROD, one = SURENESS ~ PROD + (1 | RESP),
    crossed = SURENESS ~ PROD + (1 | RESP) + (1 | PRODID), nested = SURENESS ~ PROD + (1 | RESP/PROD)),
  simulated = list(
    data = simulated,
    none = rating ~ group + age, one = rating ~ group + age + (1 | participant),
    crossed = rating ~ group + age + (1 | participant) + (1 | item), nested = rating ~ group + age + (1 | school/class)),
  binary = list(
    data = function() { d <- simulated(); d$rating <- ordered(ifelse(as.integer(d$rating) >= 4, "high", "low"), c("low", "high")); d },
    none = rating ~ group + age, one = rating ~ group + age + (1 | participant),
    crossed = rating ~ group + age + (1 | participant) + (1 | item), nested = rating ~ group + age + (1 | school/class))
)
# A maximum that both the gradient and the Newton decrement confirm.
interior <- function(v) !is.null(v$logLik) && is.finite(v$logLik) && isTRUE(v$max_gradient < 1e-2) &&
  isTRUE(v$decrement >= 0 && v$decrement < 1e-8)
which <- commandArgs(TRUE)[1]
links <- if (is.na(commandArgs(TRUE)[2])) setdiff(LINKS, "cauchit") else commandArgs(TRUE)[2]
set <- SETS[[which]]; data <- set$data()
cells <- list()
for (structure in setdiff(names(set), "data")) for (link in links) for (threshold in THRESHOLDS) {
  formula <- set[[structure]]
  if (structure == "boundary" && threshold != "flexible") next
  values <- fit_cell(formula, data, link, threshold)
  head <- list(dataset = which, structure = structure, link = link, threshold = threshold,
               formula = paste(deparse(formula, width.cutoff = 200), collapse = ""), source = "ordinal")
  # cauchit: ordinal refuses most cells, and where it does not its log|D| is one step old (see README.md), so the
  # independent code gives the values and what ordinal did is kept beside them.
  if (structure != "none" && !any(grepl("only meaningful", values$undefined)) && (link == "cauchit" || !interior(values))) {
    said <- I(c(values$undefined, if (is.null(values$undefined))
      sprintf("ordinal: logLik %.6f, max|gradient| %.1e", values$logLik, values$max_gradient)))
    own <- quietly(fit_laplace(formula, data, link, threshold, rep(1, nrow(data))))
    if (interior(own$value)) {
      values <- c(own$value, list(ordinal_said = said)); head$source <- "laplace.R"
      cat(sprintf("   laplace.R: %.6f decrement %.1e\n", values$logLik, values$decrement))
    } else {
      values <- list(undefined = I(c(said, own$said, sprintf(paste("laplace.R: no interior maximum of the Laplace",
        "likelihood found (logLik %.4f, Newton decrement %.1e)"), own$value$logLik, own$value$decrement))))
      cat("   laplace.R: no interior maximum\n")
    }
  }
  cells[[length(cells) + 1]] <- c(head, values)
}
write_json(list(made_with = versions(), cells = cells), paste0("grid_", which, if (identical(links, "cauchit")) "_cauchit", ".json"))
