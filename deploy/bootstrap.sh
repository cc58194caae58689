#!/usr/bin/env bash
# Makes .venv with exactly what requirements.lock names, on a machine that has only Python 3.11 or later.
# Safe to interrupt and to run again: the stamp is written last, and a newer lock file makes it stale.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=.venv/.installed
wanted=$(cat requirements.lock deploy/requirements-uv.lock pyproject.toml | cksum)
[ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

find_python() {
  for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3.14 python3; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    command -v "$candidate"
    return
  done
  echo "Concord needs Python 3.11 or later; none was found on PATH. Set PYTHON=/path/to/python3.11 and run again." >&2
  return 1
}
python=$(find_python)
echo "Installing Concord with $("$python" --version) ..."

# uv reads its own variables, not pip's.
[ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}"
[ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$PIP_CERT}"

with_uv() {
  [ -x .tools/bin/uv ] || "$python" -m pip install --quiet --disable-pip-version-check --target .tools \
    --require-hashes -r deploy/requirements-uv.lock || return 1
  .tools/bin/uv venv --quiet --allow-existing --python "$python" .venv &&
    .tools/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock &&
    .tools/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
}
with_pip() {
  "$python" -m venv --clear .venv &&
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock &&
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
}
with_uv || { echo "uv did not work here; installing with pip, which takes longer ..." >&2; with_pip; }
printf '%s' "$wanted" >"$stamp"
