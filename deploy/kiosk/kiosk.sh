#!/usr/bin/env bash
# Shows a lane's screen full screen in Chromium, and starts again what dies.
#
#   kiosk.sh [ADDRESS]      ADDRESS is the gate's own page, http://127.0.0.1:8430 unless told
#
# Runs until it is told to stop. It waits for the gate, opens the page in a profile of its own in memory, and watches:
# a browser that ends, or whose page listens to the gate no longer, is started again with an empty profile.
# Environment: KIDO_BROWSER names another Chromium; XDG_RUNTIME_DIR is where the profile goes, a file system in memory.
set -euo pipefail

case "${1:-}" in
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
esac

readonly address="${1:-http://127.0.0.1:8430}"
readonly browser="${KIDO_BROWSER:-chromium}"
readonly look_every=5           # seconds between two looks at the page
readonly missed_max=4           # looks without a page before the browser is started again
readonly wait_max=15            # longest pause before a new start, in seconds
readonly well_after=60          # a browser that lived so long was well: the pauses begin again at one second

# A PIN is typed here: the page comes from this machine or not at all.
if ! [[ $address =~ ^http://(127\.0\.0\.1|localhost|\[::1\]):[0-9]+$ ]]; then
    echo "kiosk: $address is not an address of this machine, such as http://127.0.0.1:8430" >&2
    exit 2
fi
for program in "$browser" curl; do
    command -v "$program" >/dev/null || { echo "kiosk: $program is not installed" >&2; exit 2; }
done
: "${XDG_RUNTIME_DIR:?kiosk: XDG_RUNTIME_DIR must name a folder in memory, as a login session has one}"

profile=''
running=''

clear_away() {
    if [[ -n $running ]] && kill -0 "$running" 2>/dev/null; then
        kill "$running" 2>/dev/null || true
        # A browser that does not end by itself is ended.
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            kill -0 "$running" 2>/dev/null || break
            sleep 0.2
        done
        kill -KILL "$running" 2>/dev/null || true
    fi
    [[ -z $running ]] || wait "$running" 2>/dev/null || true
    running=''
    [[ -z $profile ]] || rm -rf -- "$profile"
    profile=''
}
trap clear_away EXIT
trap 'exit 0' TERM INT HUP

# What the gate says about itself; nothing where it does not answer.
health() {
    curl --silent --fail --noproxy '*' --max-time 2 "$address/health" 2>/dev/null || true
}

start() {
    profile="$(mktemp -d "$XDG_RUNTIME_DIR/kido-kiosk.XXXXXX")"
    local options=(
        --kiosk "--app=$address/"
        "--user-data-dir=$profile" --incognito --disk-cache-size=1
        # Nothing between the visitor and the page.
        --no-first-run --no-default-browser-check --noerrdialogs --disable-infobars --hide-crash-restore-bubble
        --disable-session-crashed-bubble --disable-translate --disable-notifications --password-store=basic
        --disable-save-password-bubble --disable-extensions --disable-print-preview
        --disable-pinch --overscroll-history-navigation=0 --force-device-scale-factor=1
        # Nothing to anybody outside.
        --disable-background-networking --disable-component-update --disable-sync --disable-domain-reliability
        --disable-breakpad --disable-client-side-phishing-detection --metrics-recording-only --no-pings --no-proxy-server
        '--disable-features=Translate,AutofillServerCommunication,MediaRouter,OptimizationHints'
        # Tones without a touch first; a page that is always drawn.
        --autoplay-policy=no-user-gesture-required
        --disable-background-timer-throttling --disable-renderer-backgrounding --disable-backgrounding-occluded-windows
    )
    if [[ -n ${WAYLAND_DISPLAY:-} ]]; then
        options+=(--ozone-platform=wayland)
    fi
    "$browser" "${options[@]}" &
    running=$!
}

# Returns once the browser has ended, or its page listens no longer although the gate is well.
watch() {
    local missed=0 answer
    while kill -0 "$running" 2>/dev/null; do
        # Waiting for a job ends at once on a signal; sleeping would not.
        sleep "$look_every" &
        wait $! || true
        answer="$(health)"
        if [[ $answer == *'"pages":0'* ]]; then
            missed=$((missed + 1))
        else
            missed=0
        fi
        if ((missed >= missed_max)); then
            echo 'kiosk: the page listens no longer' >&2
            return
        fi
    done
    echo 'kiosk: the browser has ended' >&2
}

pause=1
while true; do
    until [[ -n $(health) ]]; do
        sleep 1 &
        wait $! || true
    done
    began=$SECONDS
    start
    watch
    clear_away
    if ((SECONDS - began >= well_after)); then
        pause=1
    fi
    sleep "$pause" &
    wait $! || true
    pause=$((pause * 2 > wait_max ? wait_max : pause * 2))
done
