#!/usr/bin/env bash
# Makes the pictures of the README, docs/pictures/dashboard-{light,dark}.webp, from the screenshots of the dashboard's test.
set -euo pipefail
cd "$(dirname "$0")/.."
export DASHBOARD_SCREENSHOTS
DASHBOARD_SCREENSHOTS=$(mktemp --directory)
trap 'rm -rf "$DASHBOARD_SCREENSHOTS"' EXIT
npx vitest run packages/dashboard/test/page.process.test.ts --testNamePattern "axe finds nothing on any page, 1440"
mkdir -p docs/pictures
cd apps/demo # which has sharp
for scheme in light dark; do
  node --input-type=module -e 'import sharp from "sharp"; await sharp(process.argv[1]).webp({ quality: 90 }).toFile(process.argv[2])' \
    "$DASHBOARD_SCREENSHOTS/overview-1440-$scheme.png" "../../docs/pictures/dashboard-$scheme.webp"
done
