# shellcheck shell=sh
# Sourced by romana-setup and run-tests, with $root set to the project: makes $root/.venv what a lock file says.
# What .venv holds is told by the copy of the lock file in it, written last: no copy, then it is half made.

: "${root:?the project directory}"
PYTHONPATH="$root/romana-install/src:$root/romana-core/src"
export PYTHONPATH
# .venv is ours, so what runs from it is compiled once, whatever this shell says of other programs.
unset PYTHONDONTWRITEBYTECODE

# ensure_venv install|test: returns with .venv ready. `test` holds all of `install` and is kept when it is there.
ensure_venv() {
    want=$1
    if [ -e "$root/.venv/test.lock" ]; then want="test"; fi
    if venv_is "$want"; then return; fi
    # One at a time: whoever waited finds the work done. (No `||` around this: it would switch off set -e inside.)
    (
        flock 9
        if ! venv_is "$want"; then make_venv "$want"; fi
    ) 9<"$root/requirements/uv.lock"
}

venv_is() {
    [ -x "$root/.venv/bin/python" ] && cmp -s "$root/requirements/$1.lock" "$root/.venv/$1.lock"
}

make_venv() {
    say "preparing .venv (once; a few seconds)"
    if [ -x "$root/.venv/bin/python" ] && ls "$root"/.venv/*.lock >/dev/null 2>&1; then
        rm -f "$root"/.venv/*.lock # complete, but for other lock files
    else
        python=$(find_python || { install_python && find_python; })
        rm -rf "$root/.venv"
        "$python" -m venv "$root/.venv"
        "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check \
            --require-hashes -r "$root/requirements/uv.lock"
    fi
    settings=$("$root/.venv/bin/python" -m romana_install.package_index)
    eval "$settings" # pip's configured index, said to uv
    "$root/.venv/bin/uv" pip sync --quiet --python "$root/.venv/bin/python" \
        --require-hashes "$root/requirements/$1.lock"
    mkdir -p "$root/.venv/collections/ansible_collections/romana"
    ln -sfn ../../../.. "$root/.venv/collections/ansible_collections/romana/openstack"
    cp "$root/requirements/$1.lock" "$root/.venv/.lock" && mv "$root/.venv/.lock" "$root/.venv/$1.lock"
}

find_python() {
    for candidate in python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate" && return
        fi
    done
    return 1
}

install_python() {
    if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
        say "Python 3.11 or newer with its venv module is needed; as root: apt-get install python3 python3-venv"
        return 1
    fi
    for packages in "python3 python3-venv" "python3.11 python3.11-venv"; do # older releases have 3.11 beside 3.10
        say "installing the distribution packages $packages"
        # shellcheck disable=SC2086
        { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends $packages; } \
            >/dev/null && find_python >/dev/null && return
    done
    say "this distribution has no Python 3.11 or newer; install one with its venv module and run this again"
    return 1
}

say() { echo "romana-setup: $*" >&2; }
