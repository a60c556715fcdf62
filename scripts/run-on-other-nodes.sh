#!/usr/bin/env bash
# Runs the built packages on the oldest Node that waybill promises and on the newest one it was tried on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

npm ci --prefix .ci/nodes --silent
status=0
for folder in .ci/nodes/node_modules/node-*; do
  "$folder/bin/node" scripts/smoke.mjs || status=1
done
exit "$status"
