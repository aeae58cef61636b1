# Twelve fits that the test suite repeats against the R at hand; prints one JSON document.
#   Rscript validation/ordinal/live.R <folder with wine.csv, soup.csv>
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE))), "common.R"))
folder <- commandArgs(TRUE)[1]
sim <- read.csv(file.path(root, "tests", "ordinal", "reference", "simulated.csv"), stringsAsFactors = TRUE)
sim$rating <- ordered(sim$rating)
wine <- read.csv(file.path(folder, "wine.csv"), stringsAsFactors = TRUE); wine$rating <- ordered(wine$rating)
for (v in c("judge", "bottle")) wine[[v]] <- factor(wine[[v]])
soup <- read.csv(file.path(folder, "soup.csv"), stringsAsFactors = TRUE); soup$SURENESS <- ordered(soup$SURENESS)
for (v in c("RESP", "PRODID")) soup[[v]] <- factor(soup[[v]])
sets <- list(simulated = sim, wine = wine, soup = soup)
crossed <- rating ~ group + age + (1 | participant) + (1 | item)
todo <- list(
  list("simulated", rating ~ group + age, "cauchit", "flexible", 1, FALSE),
  list("simulated", rating ~ group + age + (1 | participant), "logit", "flexible", 1, FALSE),
  list("simulated", rating ~ group + age + (1 | participant), "probit", "flexible", 10, FALSE),
  list("simulated", rating ~ group + (1 | item), "loglog", "symmetric", 1, FALSE),
  list("simulated", crossed, "logit", "flexible", 1, FALSE),
  list("simulated", crossed, "cloglog", "equidistant", 1, FALSE),
  list("simulated", crossed, "logit", "flexible", 1, TRUE),
  list("simulated", rating ~ group + age + (1 | school/class), "probit", "symmetric2", 1, FALSE),
  list("wine", rating ~ temp * contact + (1 | judge), "logit", "flexible", 1, FALSE),
  list("wine", rating ~ contact + (1 | judge) + (1 | bottle), "loglog", "flexible", 1, FALSE),
  list("wine", rating ~ temp + contact, "probit", "symmetric2", 1, FALSE),
  list("soup", SURENESS ~ PROD + (1 | RESP) + (1 | PRODID), "logit", "flexible", 1, FALSE)
)
sink(stderr())
cells <- lapply(todo, function(t) {
  data <- sets[[t[[1]]]]
  weights <- if (t[[6]]) data$weight else rep(1, nrow(data))
  c(list(dataset = t[[1]], formula = paste(deparse(t[[2]], width.cutoff = 200), collapse = ""), link = t[[3]],
         threshold = t[[4]], n_agq = t[[5]], weights = if (t[[6]]) "weight" else NULL, structure = "live"),
    fit_cell(t[[2]], data, t[[3]], t[[4]], weights, nAGQ = t[[5]]))
})
sink()
cat(as_json(list(made_with = versions(), cells = cells)), "\n")
