#!/usr/bin/env bash
# Runs one step of the workflow: step.sh NAME COMMAND [ARGUMENT ...], in the study's results folder.
# While it runs, logs/NAME.running holds host and process id; when it fails, logs/NAME.failed stands beside
# logs/NAME.log; `plural status` reads these. The lines on standard error are the progress that people see.
set -uo pipefail
name=$1
shift
mkdir -p logs
rm -f "logs/$name.failed" "logs/$name.error"
echo "$(hostname) $$" > "logs/$name.running"
echo "@start $name" >&2
# One thread per step: the scheduler runs as many steps at once as there are cores.
export OMP_NUM_THREADS=${PLURAL_THREADS:-1} OPENBLAS_NUM_THREADS=${PLURAL_THREADS:-1} MKL_NUM_THREADS=${PLURAL_THREADS:-1}
export PYTHONHASHSEED=0 TOKENIZERS_PARALLELISM=false
# Notebooks run without a browser here, so nobody misses the widgets that progress bars would like to have.
export PYTHONWARNINGS="ignore:IProgress not found"
SECONDS=0
"$@" > "logs/$name.log" 2>&1
code=$?
if [ "$code" -eq 0 ]; then
  rm -f "logs/$name.running"
  echo "@done $name $SECONDS" >&2
else
  mv -f "logs/$name.running" "logs/$name.failed"
  echo "@failed $name $SECONDS" >&2
fi
exit "$code"
