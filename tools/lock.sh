#!/usr/bin/env bash
# Rewrites requirements.lock and requirements-r.lock from pyproject.toml (for Python 3.11 and newer).
# CUDA packages are left out: a CUDA build of torch brings its own, a CPU build needs none.
# requirements-r.lock holds only what the [r] extra adds; resolving it needs R on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
compile() { # args: output, further flags
  local out=$1; shift
  "$python" -m uv pip compile pyproject.toml --universal --python-version 3.11 --no-header --no-annotate \
    --no-emit-index-url --no-emit-find-links --quiet "$@" |
    grep -viE '^(nvidia-|cuda-|triton|setuptools==)' > "$out.new"
  mv "$out.new" "$out"
}
"$python" -m uv --version > /dev/null 2>&1 || "$python" -m pip install --quiet uv
compile requirements.lock --extra dev
if command -v R > /dev/null; then
  compile requirements-r.lock --extra r --constraint requirements.lock
  grep -vxFf requirements.lock requirements-r.lock > requirements-r.lock.new
  mv requirements-r.lock.new requirements-r.lock
else
  echo "R is not on the PATH: requirements-r.lock was left as it is."
fi
