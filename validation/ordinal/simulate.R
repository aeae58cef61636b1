# Writes tests/ordinal/reference/simulated.csv: 400 ratings on five levels with known structure.
# 80 participants rate 5 of 40 items each; participants sit in classes, classes in schools.
# Run from anywhere: Rscript validation/ordinal/simulate.R
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE))), "common.R"))
set.seed(20261121)
n_participant <- 80; n_item <- 40; per <- 5
participant <- rep(seq_len(n_participant), each = per)
# A shifted lattice: every item is rated by exactly ten participants, and no pair repeats.
item <- ((participant - 1) * 3 + rep(c(0, 7, 16, 26, 33), n_participant)) %% n_item + 1
class <- (participant - 1) %% 24 + 1            # 24 classes
school <- (class - 1) %% 8 + 1                  # in 8 schools: a class belongs to one school
group <- c("a", "b", "c")[(participant * 7) %% 3 + 1]
age <- round(rnorm(n_participant), 2)[participant]
eta <- c(a = 0, b = 0.8, c = -0.5)[group] + 0.4 * age +
  rnorm(n_participant, 0, 0.8)[participant] + rnorm(n_item, 0, 1.0)[item] +
  rnorm(8, 0, 0.7)[school] + rnorm(24, 0, 0.5)[class]
latent <- eta + rlogis(length(eta))
rating <- findInterval(latent, c(-2, -0.6, 0.5, 2.2)) + 1
out <- data.frame(
  participant = sprintf("p%02d", participant), item = sprintf("i%02d", item),
  school = sprintf("s%d", school), class = sprintf("c%02d", class),
  group = group, age = age, rating = rating, weight = 1 + (seq_along(rating) * 5) %% 3
)
stopifnot(all(table(out$item) == 10), !any(duplicated(out[c("participant", "item")])))
path <- file.path(root, "tests", "ordinal", "reference", "simulated.csv")
write.csv(out, path, row.names = FALSE, quote = FALSE)
cat("wrote", path, "\n"); print(table(out$rating))
