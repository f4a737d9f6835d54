#!/bin/sh
# Installs the AWS command line and moto, a server that speaks AWS's API, for `make test-cloud`; the last line says
# where their programs are.
#
# They are a virtual environment of their own in ${XDG_CACHE_HOME:-~/.cache}/stanch/cloud (480 MB, a minute): what they
# depend on must not meet what Stanch does. A second call finds it and needs no network.
set -eu
cd "$(dirname "$0")/.."

die() { printf 'cloud: %s\n' "$*" >&2; exit 2; }

cache=${XDG_CACHE_HOME:-$HOME/.cache}/stanch/cloud
wanted=$(sha256sum <requirements/cloud.txt)

[ -x .venv/bin/python ] || die "set up first: make setup"
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ ! -x "$cache/venv/bin/moto_server" ] || [ ! -f "$cache/built" ] || [ "$(cat "$cache/built")" != "$wanted" ]; then
    printf 'cloud: installing %s locked packages\n' "$(grep -c '==' requirements/cloud.txt)" >&2
    rm -rf "$cache/venv" "$cache/built"
    .venv/bin/python -m venv "$cache/venv"
    "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
        -r requirements/cloud.txt ||
        die "the packages could not be installed. Is the network there? Run the same command again."
    printf '%s\n' "$wanted" >"$cache/built"
fi
printf '%s\n' "$cache/venv/bin"
