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
# Nothing is left at Ctrl-C, SIGTERM or a closed terminal. Packages are the exception: what is half unpacked is finished
# first, which bash does by itself, since it ends at a signal only when the program in the foreground has ended.
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
bash tests/install.sh --without-browser

echo 'Building Kido; the first time takes some minutes.'
# shellcheck disable=SC2317 # the traps call it
end_build() {
    trap - HUP INT TERM
    if [ -n "${!:-}" ]; then
        kill -TERM -- "-$!" 2>/dev/null || true
        wait "$!" || true
        # The compilers were told as well, and may take a moment longer.
        for _ in {1..50}; do pgrep --pgroup "$!" --runstates D,R,S,T >/dev/null || break; sleep 0.1; done
    fi
    echo "Nothing is left running." 2>/dev/null || true
    kill "-$1" "$$"
}
trap 'end_build HUP' HUP
trap 'end_build INT' INT
trap 'end_build TERM' TERM
# A process group of its own: cargo alone would leave its compilers behind.
set -m
cargo build --locked --workspace --bins &
set +m
wait "$!"
trap - HUP INT TERM
# From here on the demo itself ends everything: see kido-demo --help.
exec "${CARGO_TARGET_DIR:-target}/debug/kido-demo" "$@"
