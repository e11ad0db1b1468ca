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

# What only tests need. A test whose part is missing skips, and says so.
wanted() {
    what=$1
    shift
    (install "$@") || echo "without $1: tests of $what will skip" >&2
}

if [ "${1:-}" = tests ]; then
    # The camera machine (tests/camera-machine/) is built from the kernel's source.
    for needed in flex bison bc v4l2-ctl depmod; do
        command -v $needed >/dev/null || missing=$needed
    done
    ls /usr/src/linux-source-*.tar.xz >/dev/null 2>&1 || missing=source
    [ -z "${missing:-}" ] ||
        wanted cameras linux-source make gcc libc6-dev flex bison bc libelf-dev libssl-dev xz-utils kmod v4l-utils
    # A hardware security module in software.
    command -v softhsm2-util >/dev/null || wanted "PKCS#11 keys" softhsm2
    # The memory that the lanes of a site share.
    command -v redis-server >/dev/null || wanted "a site's memory" redis-server
    # systemd's own programs check the kiosk's units, and a TPM in software stands in for a terminal's.
    command -v systemd-analyze >/dev/null || wanted "the units" systemd
    command -v swtpm >/dev/null || wanted "sealed keys" swtpm
    # A browser that tests can drive.
    command -v chromedriver >/dev/null || wanted "the operator page" chromium chromium-driver
    # Accounts are kept in PostgreSQL, too: the tests start a server of their own from its programs.
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || wanted "accounts on PostgreSQL" postgresql
    # Vulkan without a graphics card: pictures of the resident's screen are drawn with it and compared.
    ls /usr/share/vulkan/icd.d/lvp_icd*.json >/dev/null 2>&1 || wanted "the resident's screen" mesa-vulkan-drivers
    # A display that nobody sees, and what a window needs on one: a lane is measured with its screen at work.
    command -v Xvfb >/dev/null ||
        wanted "a lane's speed" xvfb libegl1 libgl1-mesa-dri libxkbcommon-x11-0 libx11-xcb1 libxcursor1 libxi6 libxrandr2
fi

if ! command -v cargo >/dev/null; then
    # Debian 13 has rustup; its own rustc is older than this workspace needs.
    install rustup ca-certificates || { echo "please install Rust 1.95 or newer from https://rustup.rs" >&2; exit 1; }
    rustup default stable
fi

for component in rustfmt clippy; do
    cargo "$(echo $component | sed 's/rustfmt/fmt/')" --version >/dev/null 2>&1 || rustup component add $component
done
