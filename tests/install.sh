#!/usr/bin/env bash
# Installs from Debian what building and testing Kido needs, and says so. Does nothing where all of it is there.
#
#   bash tests/install.sh                      everything
#   bash tests/install.sh --without-browser    what the programs and the demo need
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The accessibility rules that the browser tests hold against every page: from the npm registry that this machine is
# set to, this version and these bytes.
axe_version=4.14.1
axe_sha512=1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5

packages=(
    pkg-config libpcsclite-dev      # kido-reader builds against PC/SC
    gcc libc6-dev                   # the TLS library of the HTTP client has C and assembler in it
    pcscd vsmartcard-vpcd           # a real PC/SC stack with a virtual reader
    opensc openssl                  # the independent judge of the virtual card
    util-linux e2fsprogs python3    # namespaces; power cuts under a file system
    nginx-light                     # the proxy in front of a registrar
    shellcheck                      # every script here
    procps curl git ca-certificates # the demo, the checks, and cargo over https
)

browser=yes
case "${1:-}" in
    '') ;;
    --without-browser) browser=no ;;
    *) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
if [ "$browser" = yes ]; then
    packages+=(
        chromium chromium-driver    # the browser of the pages' tests
        fonts-noto-cjk              # Japanese on their pictures
        etcd-server                 # what several arbiters share
        iproute2                    # machines and wires of the soak
    )
    # An npm that did not come from Debian is as good.
    command -v npm >/dev/null || packages+=(npm)
fi

missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed \
        || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
    sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null \
            || { echo "Needs to install ${missing[*]}: run as root, or install sudo." >&2; exit 1; }
        sudo=(sudo)
    fi
    echo "Installing from Debian: ${missing[*]}"
    "${sudo[@]}" apt-get update -qq
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    # Debian starts one at once; tests start members of their own, and nothing here needs that one.
    if [[ " ${missing[*]} " == *' etcd-server '* ]] && [ -d /run/systemd/system ]; then
        "${sudo[@]}" systemctl disable --quiet --now etcd
    fi
fi
[ "$browser" = yes ] || exit 0

axe="${CARGO_TARGET_DIR:-target}/axe-core"
if [ "$(cat "$axe/version" 2>/dev/null)" != "$axe_version" ]; then
    echo "Fetching axe-core $axe_version"
    mkdir -p "$axe"
    npm pack "axe-core@$axe_version" --silent --ignore-scripts --pack-destination "$axe" >/dev/null
    packed="$axe/axe-core-$axe_version.tgz"
    echo "$axe_sha512  $packed" | sha512sum --check --status \
        || { echo "$packed is not the axe-core that these tests know" >&2; exit 1; }
    tar -xzf "$packed" -C "$axe" --strip-components=1 package/axe.min.js package/LICENSE
    rm "$packed"
    echo "$axe_version" >"$axe/version"
fi
