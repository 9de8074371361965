#!/bin/sh
# Makes kido-card the program for `kido:` links of the user who runs this. Nothing is installed for anybody else.
#
#   sh register.sh [PROGRAM]     PROGRAM: where kido-card is, if not in PATH
#   sh register.sh --remove      undoes it
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=${XDG_DATA_HOME:-$HOME/.local/share}/applications
entry=$folder/kido-card.desktop

refresh() {
    if command -v update-desktop-database >/dev/null 2>&1; then
        update-desktop-database "$folder"
    fi
}

if [ "${1-}" = --remove ]; then
    rm -f "$entry"
    refresh
    echo "kido: links are no longer opened by kido-card."
    exit 0
fi

program=${1:-$(command -v kido-card || true)}
if [ -z "$program" ] || [ ! -x "$program" ]; then
    echo "kido-card was not found; name it: sh register.sh /path/to/kido-card" >&2
    exit 1
fi
program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")
case $program in
    *[!A-Za-z0-9/._+-]*)
        echo "the path of kido-card has characters that a desktop file cannot hold as they are: $program" >&2
        exit 1
        ;;
esac

mkdir -p "$folder"
sed "s|^Exec=kido-card |Exec=$program |" "$here/kido-card.desktop" >"$entry.new"
mv "$entry.new" "$entry"
refresh
if ! command -v xdg-mime >/dev/null 2>&1; then
    echo "xdg-mime is missing (Debian: apt install xdg-utils); the entry is there, choose it when asked." >&2
    exit 1
fi
xdg-mime default kido-card.desktop x-scheme-handler/kido
echo "kido: links are opened by $program."
