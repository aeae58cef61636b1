# POPQUORN and SBIC on 120 items each, separated levels removed: only the numbers are kept, never the data.
#   PLURAL_REAL_DATA=<folder> Rscript validation/ordinal/real.R
# The same preparation, step by step, is in tests/ordinal/test_reference.py.
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE))), "common.R"))
sorted_factor <- function(x) factor(x, levels = sort(unique(x), method = "radix"))
modal <- function(x) { x <- x[order(x, method = "radix")]; names(which.max(table(factor(x, levels = unique(x))))) }

popquorn <- function() {
  d <- read.csv(real_data("popquorn", "raw_data.csv"), stringsAsFactors = FALSE)
  d <- d[d$instance_id %in% head(sort(unique(d$instance_id)), 120), ]
  data.frame(rating = ordered(as.integer(d$offensiveness)), gender = d$gender, race = d$race,
             rater = d$user_id, item = d$instance_id)
}
sbic <- function(question) {
  d <- read.csv(real_data("sbic", "SBIC.v2.dev.without_text.csv"), colClasses = "character", na.strings = character())
  d <- d[!duplicated(d[c("WorkerId", "HITId")]), ]
  for (v in c("annotatorGender", "annotatorPolitics", "annotatorRace")) {
    m <- tapply(d[[v]], d$WorkerId, modal)
    d[[v]] <- as.vector(m[d$WorkerId])
  }
  d <- d[d[[question]] != "", ]
  # "na" is an answer not given: three people, whose levels separate jointly although none does alone.
  d <- d[d$annotatorGender != "na" & d$annotatorPolitics != "na" & d$annotatorRace != "na", ]
  d <- d[d$HITId %in% head(sort(unique(d$HITId), method = "radix"), 120), ]
  data.frame(rating = ordered(as.numeric(d[[question]])), gender = d$annotatorGender, politics = d$annotatorPolitics,
             race = d$annotatorRace, rater = d$WorkerId, item = d$HITId)
}
# A level whose ratings are all lowest or all highest has no finite estimate. Dropping rows can empty further levels.
drop_separated <- function(d, factors) {
  dropped <- character()
  repeat {
    found <- FALSE
    for (v in factors) for (level in sort(unique(d[[v]]), method = "radix")) {
      y <- as.integer(d$rating[d[[v]] == level])
      if (all(y == 1) || all(y == nlevels(d$rating))) {
        dropped <- c(dropped, sprintf("%s=%s (%d rows)", v, level, length(y)))
        d <- d[d[[v]] != level, ]; found <- TRUE
      }
    }
    if (!found) break
  }
  for (v in c(factors, "rater", "item")) d[[v]] <- sorted_factor(d[[v]])
  list(d = d, dropped = dropped)
}
cells <- list()
data_of <- list(popquorn = popquorn, sbic = function() sbic("intentYN"), sbic_offensive = function() sbic("offensiveYN"))
for (name in names(data_of)) {
  factors <- if (name == "popquorn") c("gender", "race") else c("gender", "politics", "race")
  ready <- drop_separated(data_of[[name]](), factors)
  formula <- as.formula(paste("rating ~", paste(factors, collapse = " + "), "+ (1 | rater) + (1 | item)"))
  cat(name, nrow(ready$d), nlevels(ready$d$rater), "raters; dropped:", ready$dropped, "\n"); print(summary(ready$d))
  for (link in c("logit", "probit")) {
    head <- list(dataset = name, structure = "crossed", link = link, threshold = "flexible",
                 formula = paste(deparse(formula, width.cutoff = 200), collapse = ""), source = "ordinal",
                 dropped = I(ready$dropped), n_rater = nlevels(ready$d$rater), n_item = nlevels(ready$d$item))
    cells[[length(cells) + 1]] <- c(head, fit_cell(formula, ready$d, link, "flexible", newton = 4))
    write_json(list(made_with = versions(), cells = cells), "real.json")
  }
}
