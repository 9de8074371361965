#!/usr/bin/env bash
# Runs libFuzzer on one target after the other, each for so long, and says what came of it.
#
#   bash tests/fuzz/run.sh                     every target, ten minutes each
#   bash tests/fuzz/run.sh 60 head record      these two, a minute each
#   bash tests/fuzz/run.sh --shrink            keeps what runs have found as well, and the fewest inputs that reach as far
#
# Needs nightly and cargo-fuzz; what is found lies in tests/fuzz/artifacts, logs in tests/fuzz/logs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# Memory of one run beyond which it counts as a finding, in MB; and seconds that one input may take.
MEMORY_MB=1024
INPUT_SECONDS=5

say() { printf '\n== %s\n' "$*"; }

shrink=no
seconds=600
case "${1:-}" in
    --shrink) shrink=yes; shift ;;
    --help) sed -n '2,8s/^# \{0,1\}//p' run.sh; exit 0 ;;
    '' | *[!0-9]*) ;;
    *) seconds=$1; shift ;;
esac

mapfile -t all < <(awk -F '[: ,]+' '/^    [a-z_]+: [0-9_]+,$/ { gsub("_", "", $3); print $2, $3 }' targets/src/lib.rs)
wanted=("$@")

is_wanted() {
    local name
    [ "${#wanted[@]}" -gt 0 ] || return 0
    for name in "${wanted[@]}"; do [ "$name" = "$1" ] && return 0; done
    return 1
}

command -v cargo-fuzz >/dev/null || { echo 'cargo install cargo-fuzz --locked' >&2; exit 1; }
fuzz() { cargo +nightly fuzz "$1" --fuzz-dir . "${@:2}"; }

say 'Programs'
fuzz build

found=0
summary=()
mkdir -p artifacts
for line in "${all[@]}"; do
    read -r name bytes <<<"$line"
    is_wanted "$name" || continue
    kept=corpus/$name
    grown=logs/corpus/$name
    mkdir -p "$kept" "$grown"
    if [ "$shrink" = yes ]; then
        say "$name: shrink"
        find "$grown" -type f -exec cp -n -t "$kept" {} +
        fuzz cmin "$name" "$kept" -- -max_len="$bytes"
        continue
    fi
    say "$name: $seconds s"
    # What is new goes beside the kept inputs, and is where the next run begins.
    log=logs/$name.log
    if fuzz run "$name" "$grown" "$kept" -- -max_len="$bytes" -max_total_time="$seconds" -rss_limit_mb="$MEMORY_MB" \
        -timeout="$INPUT_SECONDS" -print_final_stats=1 >"$log" 2>&1; then verdict=ok; else verdict=FOUND; found=1; fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    reach=$(sed -n 's/^#[0-9]*.*cov: \([0-9]*\) ft: \([0-9]*\).*/\1 edges, \2 features/p' "$log" | tail -n 1)
    summary+=("$(printf '%-18s %-6s %12s runs  %s' "$name" "$verdict" "${runs:-?}" "${reach:-?}")")
    printf '%s\n' "${summary[-1]}"
    [ "$verdict" = ok ] || tail -n 25 "$log"
done

if [ "$shrink" = no ]; then
    say 'Summary'
    printf '%s\n' "${summary[@]}"
fi
exit "$found"
