#!/usr/bin/env bash
# Boots the camera machine on the files of this one, which it cannot change, and runs FOLDER/job.sh in it as root.
# What the job prints comes out here; the exit status is the job's, or 99 if the machine ended without one.
#
# Usage: run.sh FOLDER [NAME=VALUE]...    the job finds FOLDER in $SHARE and the values in its environment
# GATEPASS_CAMERA_MACHINE: where build.sh built it; SECONDS_AT_MOST: when it is switched off [default: 300]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
share=$(realpath "$1")
shift
machine=${GATEPASS_CAMERA_MACHINE:-$HOME/.cache/gatepass/camera-machine}

own=$(mktemp -d)
trap 'rm -rf "$own"' EXIT
cp -r "$machine/linux" "$machine/modules" "$here/init.sh" "$own"
chmod -R a+rX "$own" "$share"
mkdir --mode 1777 "$own/memory"
# Whoever is root here would be root in the files of this machine there.
drop=()
[ "$(id -u)" = 0 ] && drop=(setpriv --reuid=65534 --regid=65534 --clear-groups)

status=$own/status
env -i PATH="$PATH" HOME="$own/memory" TMPDIR="$own/memory" \
    timeout --kill-after=5 "${SECONDS_AT_MOST:-300}" "${drop[@]}" \
    "$own/linux" mem=1G rootfstype=hostfs ro init="$own/init.sh" con=null con0=fd:0,fd:1 ssl=null quiet \
    MODULES="$own/modules" SHARE="$share" "$@" </dev/null 2>&1 |
    tr -d '\r' | sed -u -n -e "/^machine: status /{s///;w $status" -e 'd}' -e '/is not on tmpfs$/d' -e p || true
[ -s "$status" ] || { echo "the camera machine ended before its job" >&2; exit 99; }
exit "$(cat "$status")"
