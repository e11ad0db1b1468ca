#!/usr/bin/env bash
# Builds the camera machine: a User-Mode Linux kernel with real V4L2 cameras, GPIO lines and input devices, which runs as
# an ordinary process without privileges. Takes about five minutes on two cores, once; does nothing when it is there.
#
# Usage: build.sh [FOLDER]    FOLDER defaults to $HOME/.cache/gatepass/camera-machine
# Needs the Debian packages that deploy/setup.sh names.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-${GATEPASS_CAMERA_MACHINE:-$HOME/.cache/gatepass/camera-machine}}

source=$(ls -1 /usr/src/linux-source-*.tar.xz 2>/dev/null | sort -V | tail -n 1)
[ -n "$source" ] || { echo "no kernel source: apt-get install linux-source (deploy/setup.sh does)" >&2; exit 1; }
# What was built from anything else is built anew.
recipe=$(cat "$here/build.sh" "$here/kernel.config" | sha256sum | cut -c 1-16)-$(basename "$source" .tar.xz)
[ "$(cat "$folder/recipe" 2>/dev/null)" = "$recipe" ] && exit 0

mkdir -p "$folder"
# One build at a time; whoever waited finds the work done.
exec 9>"$folder/lock"
flock 9
[ "$(cat "$folder/recipe" 2>/dev/null)" = "$recipe" ] && exit 0
echo "building the camera machine in $folder; this takes some minutes, once" >&2
rm -rf "$folder/recipe" "$folder/making" "$folder/linux" "$folder/modules"
mkdir "$folder/making"
trap 'rm -rf "$folder/making"' EXIT

kernel=$folder/making/kernel
mkdir "$kernel"
tar --extract --file "$source" --directory "$kernel" --strip-components 1
build() { nice make --silent --directory "$kernel" ARCH=um "$@"; }
{
    KCONFIG_ALLCONFIG=$here/kernel.config build alldefconfig
    # An option that Kconfig dropped would be missed only later, and by name of nothing.
    while read -r option; do
        grep -qxF "$option" "$kernel/.config" || { echo "kernel.config: $option was not taken" >&2; exit 1; }
    done < <(grep '^CONFIG_' "$here/kernel.config")
    build --jobs "$(nproc)" linux modules
    build INSTALL_MOD_PATH="$folder/making/modules" modules_install

    # The camera whose pictures we choose; not part of the kernel.
    (cd "$folder/making" && apt-get download v4l2loopback-dkms && dpkg-deb --extract v4l2loopback-dkms_*.deb loopback)
    loopback=$(ls -d "$folder"/making/loopback/usr/src/v4l2loopback-*)
    build M="$loopback" modules
    version=$(ls "$folder/making/modules/lib/modules")
    install -D --mode 644 "$loopback/v4l2loopback.ko" "$folder/making/modules/lib/modules/$version/extra/v4l2loopback.ko"
    /sbin/depmod --basedir "$folder/making/modules" "$version"
} >"$folder/log" 2>&1 || { tail -n 30 "$folder/log" >&2; echo "the camera machine was not built; see $folder/log" >&2; exit 1; }

strip --strip-debug "$kernel/linux" -o "$folder/linux"
mv "$folder/making/modules" "$folder/modules"
chmod -R a+rX "$folder/linux" "$folder/modules"
echo "$recipe" >"$folder/recipe"
