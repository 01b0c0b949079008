# shellcheck shell=sh
# Sourced by romana-setup and run-tests, with $root set to the project: makes $root/.venv what a lock file says.
# What .venv holds is told by the copy of the lock file in it, written last: no copy, then it is half made.

: "${root:?the project directory}"
. "$root/launcher/owner.sh"

# ensure_venv install|test: returns with .venv ready, and its programs the first to be found. `test` holds all of
# `install` and is kept when it is there. Until this process ends, or starts another in its place that closes file 8,
# nobody makes another .venv under it.
ensure_venv() {
    exec 8<"$root/requirements/uv.lock"
    flock --shared 8
    until venv_is "$(larger "$1")"; do
        flock --unlock 8
        # One at a time: whoever waited finds the work done. (No `||` around this: it would switch off set -e inside.)
        (
            if ! flock --nonblock 9; then
                say "waiting for others who use .venv of this clone, or prepare it: it has to be prepared anew"
                flock 9
            fi
            want=$(larger "$1") # what was made meanwhile
            if ! venv_is "$want"; then make_venv "$want"; fi
        ) 8<&- 9<"$root/requirements/uv.lock"
        flock --shared 8
    done
    PATH="$root/.venv/bin:$PATH"
}

larger() {
    if [ -e "$root/.venv/test.lock" ]; then echo "test"; else echo "$1"; fi
}

venv_is() {
    venv_runs && cmp -s "$root/requirements/$1.lock" "$root/.venv/$1.lock"
}

# Its programs begin with the path that it was made at.
venv_runs() {
    [ -x "$root/.venv/bin/python" ] && [ "$(cat "$root/.venv/root" 2>/dev/null)" = "$root" ]
}

make_venv() {
    say "preparing .venv (once; a few seconds)"
    if venv_runs && ls "$root"/.venv/*.lock >/dev/null 2>&1; then
        rm -f "$root"/.venv/*.lock # complete, but for other lock files
        use_configured_index
    else
        python=$(find_python || { install_python && find_python; })
        rm -rf "$root/.venv"
        quietly "$python" -m venv "$root/.venv"
        use_configured_index
        quietly "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check \
            --require-hashes -r "$root/requirements/uv.lock"
        link_packages
        echo "$root" >"$root/.venv/root"
    fi
    # shellcheck disable=SC2046
    quietly "$root/.venv/bin/uv" pip sync --quiet $(owned_sync) --python "$root/.venv/bin/python" \
        --require-hashes "$root/requirements/$1.lock"
    mkdir -p "$root/.venv/collections/ansible_collections/romana"
    ln -sfn ../../../.. "$root/.venv/collections/ansible_collections/romana/openstack"
    cp "$root/requirements/$1.lock" "$root/.venv/.lock"
    give_to_owner
    mv "$root/.venv/.lock" "$root/.venv/$1.lock"
}

# pip's configuration also says where and how to install, which is not for our virtualenv: only the index is taken.
use_configured_index() {
    settings=$("$root/.venv/bin/python" "$root/romana-install/src/romana_install/ansible/package_index.py")
    eval "$settings"
}

# Our own packages are imported from their sources.
link_packages() {
    for site in "$root"/.venv/lib/python3*/site-packages; do
        printf '%s\n' ../../../../romana-core/src ../../../../romana-install/src >"$site/romana.pth"
    done
}

find_python() {
    for candidate in python3 python3.13 python3.12 python3.11; do
        # Of an active virtualenv, which may be the one to be made anew, it is the Python below it.
        "$candidate" - 2>/dev/null <<'END' && return
import ensurepip, sys, venv
if sys.version_info < (3, 11):
    sys.exit(1)
print(sys._base_executable)
END
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
        { patient_apt update && patient_apt -y install --no-install-recommends $packages; } >/dev/null &&
            find_python >/dev/null && return
    done
    say "this distribution has no Python 3.11 or newer; install one with its venv module and run this again"
    return 1
}

# Run a program; what it says is shown when it fails.
quietly() {
    output=$("$@" 2>&1) && return
    say "$output"
    return 1
}

# A reader that has gone, as of `2>&1 | head`, does not end the work.
say() { (trap '' PIPE && echo "romana-setup: $*" >&2) || :; }

# Waits for others who install, and says at once for whom.
patient_apt() { DEBIAN_FRONTEND=noninteractive "$root/roles/packages/files/patient-apt" apt-get -qq "$@"; }
