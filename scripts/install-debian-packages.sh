#!/usr/bin/env bash
# Installs what tests, bench and services need beside npm: a browser and its fonts, the servers behind the backends, and other
# languages with their client libraries, for the programs of docs/produce.md and docs/receive.md. As root on Debian, installs
# what is missing and prints a line; elsewhere, names everything that is missing and continues, since the environment or
# compose.yaml may provide it (CONTRIBUTING.md).
# Nothing is started as a system service: the tests start their own servers, on private ports.
set -euo pipefail

# A path where the program is not on every user's PATH.
declare -A package_of=(
  [chromium]=chromium [sqlite3]=sqlite3 [python3]=python3 [pip3]=python3-pip [openssl]=openssl
  [redis-server]=redis-server [/usr/lib/rabbitmq/bin/rabbitmq-server]=rabbitmq-server
  [psql]=postgresql [/usr/sbin/pgbouncer]=pgbouncer [/usr/sbin/nginx]=nginx [faketime]=faketime [setpriv]=util-linux [ip]=iproute2
  [ruby]=ruby [rackup]=ruby-rack [php]=php-cli [curl]=curl [tini]=tini
  [/usr/lib/systemd/systemd]=systemd
)
# Libraries and fonts, which are not programs.
libraries=(
  fonts-dejavu-extra
  ruby-pg ruby-sqlite3 ruby-redis ruby-bunny ruby-webrick
  php-pgsql php-sqlite3 php-redis php-amqp php-curl php-mbstring
  python3-psycopg python3-redis python3-pika
)

missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
for library in "${libraries[@]}"; do
  [ -e "/usr/share/doc/$library" ] || missing+=("$library")
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

# A mirror that hangs or resets is the commonest failure of a CI run: three tries, four minutes at most for a download.
# What has been downloaded is installed without a limit: dpkg that is ended half-way refuses every later try.
export DEBIAN_FRONTEND=noninteractive
install=(apt-get -qq install --yes --no-install-recommends "${missing[@]}")
for try in 1 2 3; do
  if timeout 240 apt-get -qq update && timeout 240 "${install[@]}" --download-only >/dev/null; then
    "${install[@]}" >/dev/null
    exit 0
  fi
  echo "try $try to download them did not succeed" >&2
  sleep $((try * 5))
done
exit 1
