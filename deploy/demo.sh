#!/usr/bin/env bash
# The story of Kido on this machine: installs what it needs, builds, starts everything on loopback, tells it.
#
#   bash deploy/demo.sh                 tell the story, then stay up for a tour by hand until Ctrl-C: every page, and
#                                       a desk that puts cards into the reader
#   bash deploy/demo.sh --once          tell the story without waiting; exit 0 only if every step went as told
#   bash deploy/demo.sh --port PORT     where the registrar listens (8420 unless told)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
esac

command -v cargo >/dev/null || { echo 'A Rust toolchain is needed: see https://rustup.rs' >&2; exit 1; }
bash tests/install.sh --without-browser
echo 'Building Kido; the first time takes some minutes.'
cargo build --locked --workspace --bins
exec "${CARGO_TARGET_DIR:-target}/debug/kido-demo" "$@"
