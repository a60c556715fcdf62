#!/usr/bin/env bash
# The second copy of SQS that the tests run on, from PyPI, into a folder of its own: nothing of it is on anybody's path.
# Says so in a line where it installs; where Python's pip is missing, says that and goes on, since only tests of SQS need it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

requirements=packages/test-servers/moto/requirements.txt
folder=${XDG_CACHE_HOME:-$HOME/.cache}/waybill/moto
# Compiled parts fit one version of Python.
wanted=$(python3 --version 2>/dev/null; cat "$requirements")
if [ -f "$folder/installed" ] && [ "$(cat "$folder/installed")" = "$wanted" ]; then
  exit 0
fi
if ! python3 -m pip --version >/dev/null 2>&1; then
  echo "missing here: Python 3 with pip, to install moto; the tests of SQS will say so" >&2
  exit 0
fi
echo "installing from PyPI: $(grep '^moto==' "$requirements")"

mkdir -p "$(dirname "$folder")"
fresh=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$fresh"' EXIT
for try in 1 2 3; do
  if timeout 240 python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
    --no-deps --only-binary :all: --target "$fresh" -r "$requirements"; then
    printf '%s\n' "$wanted" >"$fresh/installed"
    rm -rf "$folder"
    mv -T "$fresh" "$folder"
    exit 0
  fi
  echo "try $try to install it did not succeed" >&2
  sleep $((try * 5))
done
exit 1
