#!/usr/bin/env bash
# Installs what the tests need and runs every test once.
#
#   bash tests/run.sh            everything
#   bash tests/run.sh --quick    with two crash rounds instead of fifty, and without power cuts
#   bash tests/run.sh --seeds N  that many seeds of the simulation instead of the suite's share, and nothing else
#   bash tests/run.sh --soak MINUTES [--seed N]
#                                a venue of real processes on machines of their own, killed, paused and cut off from each
#                                other at random for so long, and nothing else; as root
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quick=no
case "${1:-}" in
    '') ;;
    --quick) quick=yes ;;
    --seeds)
        KIDO_SIMULATION_SEEDS="${2:?how many seeds}" exec cargo test --locked -p kido-tests --test simulation \
            no_seed_breaks_a_rule -- --nocapture
        ;;
    --soak)
        minutes="${2:?how many minutes}"
        [[ "$minutes" =~ ^[1-9][0-9]*$ ]] || { echo "--soak takes whole minutes, not $minutes" >&2; exit 2; }
        [ "$(id -u)" -eq 0 ] || { echo 'A soak lays network namespaces and a switch between them: run it as root.' >&2; exit 1; }
        if [ "${3:-}" = --seed ]; then export KIDO_SOAK_SEED="${4:?which seed}"; fi
        bash tests/install.sh
        cargo build --locked --workspace --bins
        KIDO_SOAK_SECONDS=$((minutes * 60)) exec cargo test --locked -p kido-tests --test soak \
            an_evening_on_real_machines -- --nocapture
        ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac

say() { printf '\n== %s\n' "$*"; }

say 'What this machine needs'
bash tests/install.sh

command -v cargo >/dev/null || { echo 'A Rust toolchain is needed: see https://rustup.rs' >&2; exit 1; }
if [ "$quick" = yes ]; then export KIDO_CRASH_ROUNDS=2; fi

say 'Programs'
cargo build --locked --workspace --bins

say 'Unit, property, store and documentation tests; then end to end through pcscd'
cargo test --locked --workspace --no-fail-fast

say 'Pictures of every page'
find "${CARGO_TARGET_DIR:-target}/screenshots" -name '*.png' | wc -l

say 'Where the processes were killed'
cat "${CARGO_TARGET_DIR:-target}/tmp/kill-rounds.txt"

say 'The demo, once'
bash deploy/demo.sh --once

if [ "$quick" = no ]; then
    say 'Power cuts'
    power_cut=(python3 tests/power_cut/power-cut.py "${CARGO_TARGET_DIR:-target}/debug/store-torture")
    # Loop devices need root; without it the script says why it skips.
    if [ "$(id -u)" -ne 0 ] && sudo -n true 2>/dev/null; then power_cut=(sudo -n "${power_cut[@]}"); fi
    "${power_cut[@]}"
fi
