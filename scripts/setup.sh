#!/bin/sh
# Sets up what is needed: `setup.sh run` for the demo, `setup.sh test` for the tests as well.
# A second call finds everything in place and needs no network.
set -eu
cd "$(dirname "$0")/.."
want=${1:?run or test}

say() { printf 'setup: %s\n' "$*" >&2; }
die() { printf 'setup: %s\n' "$*" >&2; exit 2; }

root_on_debian() { [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ] && command -v apt-get >/dev/null; }

apt_updated=
apt_install() {
    if [ -z "$apt_updated" ]; then
        apt-get update -qq || say "the package lists could not be refreshed; going on with the old ones"
        apt_updated=yes
    fi
    # No service is started by what is installed here: the tests start their own, on free ports.
    policy=/usr/sbin/policy-rc.d
    made=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made=yes
    fi
    status=0
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null || status=$?
    if [ -n "$made" ]; then rm -f "$policy"; fi
    return $status
}

find_python() {
    for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2])' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    die "Python 3.11 or later is needed and was not found. Install it, or name it: make PYTHON=/path/to/python3"
}

# --- Debian packages, for the tests' real servers ---------------------------------------------------------------
have_hypopg() { ls /usr/share/postgresql/*/extension/hypopg.control >/dev/null 2>&1; }
have_stat_statements() { ls /usr/share/postgresql/*/extension/pg_stat_statements.control >/dev/null 2>&1; }

debian_packages() {
    missing=
    command -v chromium >/dev/null || missing="$missing chromium fonts-dejavu-core"
    command -v promtool >/dev/null || missing="$missing prometheus"
    command -v curl >/dev/null || missing="$missing curl"
    command -v redis-server >/dev/null || missing="$missing redis-server"
    [ -x /usr/sbin/haproxy ] || missing="$missing haproxy"
    command -v socat >/dev/null || missing="$missing socat"
    if ! have_stat_statements || ! have_hypopg; then missing="$missing postgresql"; fi
    [ -n "$missing" ] || return 0
    if ! root_on_debian; then
        say "not root on Debian: the tests that need these are skipped, and named:$missing"
        return 0
    fi
    say "installing from Debian:$missing"
    # shellcheck disable=SC2086 # a list of words
    apt_install $missing || die "apt-get could not install:$missing. Is the network there? Nothing else was changed."
    if ! have_hypopg; then
        for server in /usr/lib/postgresql/*/bin/postgres; do
            major=$(basename "$(dirname "$(dirname "$server")")")
            apt_install "postgresql-$major-hypopg" || say "no hypopg for PostgreSQL $major: its tests are skipped"
        done
    fi
}

# --- the virtual environment --------------------------------------------------------------------------------------
virtual_environment() {
    python=$(find_python)
    if [ -x .venv/bin/python ] && .venv/bin/python -c 'import pip' 2>/dev/null; then return 0; fi
    rm -rf .venv
    say "making .venv with $("$python" --version)"
    if "$python" -m venv .venv >/dev/null 2>&1; then return 0; fi
    rm -rf .venv
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if root_on_debian; then
        apt_install "python$version-venv" && "$python" -m venv .venv && return 0
    fi
    rm -rf .venv
    die "$python cannot make a virtual environment. On Debian: apt-get install python$version-venv. Then again."
}

requirements() {
    case $want in
        run) file=requirements/run.txt ;;
        test) file=requirements/dev.txt ;;
        *) die "run or test, not $want" ;;
    esac
    stamp=.venv/installed-$want
    now=$(cat "$file" pyproject.toml | sha256sum)
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ]; then return 0; fi
    if [ "$want" = run ] && [ -f .venv/installed-test ] &&
        [ "$(cat .venv/installed-test)" = "$(cat requirements/dev.txt pyproject.toml | sha256sum)" ]; then
        return 0
    fi
    say "installing $(grep -c '==' "$file") locked packages (a minute or so, the first time)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$file" ||
        die "the packages could not be installed. Is the network there? Run the same command again: what is there is kept."
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e . ||
        die "Stanch itself could not be installed into .venv; the lines above say why."
    printf '%s\n' "$now" >"$stamp"
}

# Where Python is told to write no bytecode, it would compile all of Stanch anew at every start.
bytecode() { .venv/bin/python -m compileall -q src || say "no bytecode could be written: every start takes a second longer"; }

[ "$want" = test ] && debian_packages
virtual_environment
requirements
bytecode
