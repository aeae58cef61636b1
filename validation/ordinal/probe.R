source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE))), "common.R"))
s <- read.csv(real_data("classic/soup.csv")); for(v in names(s)) s[[v]] <- factor(s[[v]]); s$SURENESS <- ordered(s$SURENESS)
for (um in c(TRUE,FALSE)) for (gt in c(1e-4,1e-6,1e-8)) {
t0<-proc.time()[[3]]
f <- clmm(SURENESS ~ PROD + (1|RESP), data=s, control=list(gradTol=gt,maxIter=200,useMatrix=um,rel.tol=1e-14, innerCtrl="noWarn"))
cat(um,gt,sprintf("%.8f",f$logLik), max(abs(f$gradient)), proc.time()[[3]]-t0,"\n"); print(sqrt(diag(vcov(f)))); print(coef(f)); print(f$ST[[1]])}
