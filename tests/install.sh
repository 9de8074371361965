#!/usr/bin/env bash
# Installs from Debian what building and testing Kido needs, and says so. Does nothing where all of it is there.
set -euo pipefail

packages=(
    pkg-config libpcsclite-dev      # kido-reader builds against PC/SC
    gcc libc6-dev                   # the TLS library of the HTTP client has C and assembler in it
    pcscd vsmartcard-vpcd           # a real PC/SC stack with a virtual reader
    opensc openssl                  # the independent judge of the virtual card
    util-linux e2fsprogs python3    # namespaces; power cuts under a file system
    shellcheck                      # every script here
    procps curl git ca-certificates # the demo, the checks, and cargo over https
)

missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed \
        || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then
    exit 0
fi

sudo=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "Needs to install ${missing[*]}: run as root, or install sudo." >&2; exit 1; }
    sudo=(sudo)
fi
echo "Installing from Debian: ${missing[*]}"
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
