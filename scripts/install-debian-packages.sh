#!/usr/bin/env bash
# What tests, bench and services need beside npm: a browser for the demo's page, the sqlite3 shell for foreign producers,
# and the servers behind the backends. As root on Debian, installs what is missing and says so in a line; elsewhere, names
# all that is missing and goes on, since the environment or compose.yaml may provide it (CONTRIBUTING.md).
# Nothing is started as a system service: the tests start their own servers, on private ports.
set -euo pipefail

# A path where the program is not on everybody's PATH.
declare -A package_of=(
  [chromium]=chromium [sqlite3]=sqlite3 [python3]=python3 [pip3]=python3-pip [openssl]=openssl
  [redis-server]=redis-server [/usr/lib/rabbitmq/bin/rabbitmq-server]=rabbitmq-server
  [psql]=postgresql [/usr/sbin/pgbouncer]=pgbouncer [/usr/sbin/nginx]=nginx [setpriv]=util-linux [ip]=iproute2
)

missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "missing here, and only installed as root on Debian: ${missing[*]}; what needs them will say so" >&2
  exit 0
fi
echo "installing from Debian's packages: ${missing[*]}"

# Packages ask this file before they start their service; ours goes away again, an existing one stays.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi

# A mirror that hangs or resets is the commonest failure of a CI run: three tries, four minutes each at most.
export DEBIAN_FRONTEND=noninteractive
for try in 1 2 3; do
  if timeout 240 apt-get -qq update &&
    timeout 240 apt-get -qq install --yes --no-install-recommends "${missing[@]}" >/dev/null; then
    exit 0
  fi
  echo "try $try to install them did not succeed" >&2
  sleep $((try * 5))
done
exit 1
