#!/bin/sh
# Brings a bare Debian machine to where the workspace builds: a C compiler (SQLite and the TUF library's
# cryptography are C), libclang (it reads the kernel's camera interface) and a Rust toolchain. Does nothing where they
# are there. With `tests`, also installs what only tests need.
set -eu

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install() {
    command -v apt-get >/dev/null || { echo "please install: $*" >&2; exit 1; }
    echo "installing: $*" >&2
    as_root apt-get update -qq
    as_root apt-get install -y -qq --no-install-recommends "$@" >&2
}

command -v cc >/dev/null || install gcc libc6-dev

ls /usr/lib/llvm-*/lib/libclang*.so* >/dev/null 2>&1 || install libclang-dev

if [ "${1:-}" = tests ]; then
    # The camera machine (tests/camera-machine/) is built from the kernel's source. Its tests skip, and say so, without it.
    for needed in flex bison bc v4l2-ctl depmod; do
        command -v $needed >/dev/null || missing=$needed
    done
    ls /usr/src/linux-source-*.tar.xz >/dev/null 2>&1 || missing=source
    [ -z "${missing:-}" ] ||
        (install linux-source make gcc libc6-dev flex bison bc libelf-dev libssl-dev xz-utils kmod v4l-utils) ||
        echo "without the kernel's source: tests of cameras will skip" >&2
fi

# A hardware security module in software: the tests of PKCS#11 keys use it. They skip, and say so, without it.
command -v softhsm2-util >/dev/null || (install softhsm2) ||
    echo "without softhsm2: tests of PKCS#11 keys will skip" >&2

# The memory that the lanes of a site share: its tests start a server of their own. They skip, and say so, without it.
command -v redis-server >/dev/null || (install redis-server) ||
    echo "without redis-server: tests of a site's memory will skip" >&2
# systemd's own programs check the kiosk's units, and a TPM in software stands in for a terminal's.
command -v systemd-analyze >/dev/null || (install systemd) ||
    echo "without systemd: tests of the units will skip" >&2
command -v swtpm >/dev/null || (install swtpm) ||
    echo "without swtpm: tests of sealed keys will skip" >&2
# A browser that tests can drive: the tests of the operator page use it. They skip, and say so, without it.
command -v chromedriver >/dev/null || (install chromium chromium-driver) ||
    echo "without chromium and chromium-driver: tests of the operator page in a browser will skip" >&2
# Accounts are kept in PostgreSQL, too: the tests start a server of their own from its programs.
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || (install postgresql) ||
    echo "without postgresql: tests of accounts on PostgreSQL will skip" >&2
# Vulkan without a graphics card: the tests of the resident's screen compare pictures drawn with it. They skip, and say so,
# without it.
ls /usr/share/vulkan/icd.d/lvp_icd*.json >/dev/null 2>&1 || (install mesa-vulkan-drivers) ||
    echo "without mesa-vulkan-drivers: tests that compare pictures of the screen will skip" >&2

if ! command -v cargo >/dev/null; then
    # Debian 13 has rustup; its own rustc is older than this workspace needs.
    install rustup ca-certificates || { echo "please install Rust 1.95 or newer from https://rustup.rs" >&2; exit 1; }
    rustup default stable
fi

for component in rustfmt clippy; do
    cargo "$(echo $component | sed 's/rustfmt/fmt/')" --version >/dev/null 2>&1 || rustup component add $component
done
