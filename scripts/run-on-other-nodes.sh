#!/usr/bin/env bash
# Runs the built packages, and the packages' own tests, on the oldest Node that waybill promises and on the newest one it
# was tried on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

npm ci --prefix .ci/nodes --silent
status=0
for folder in .ci/nodes/node_modules/node-*; do
  node=$PWD/$folder/bin/node
  "$node" scripts/smoke.mjs || status=1
  printf '\nThe packages on Node %s\n' "$("$node" --version)"
  # Node 22.13 reads TypeScript only when told to, which is for the programs that some tests start.
  NODE_OPTIONS=--experimental-strip-types "$node" node_modules/vitest/vitest.mjs run --project unit packages || status=1
done
exit "$status"
