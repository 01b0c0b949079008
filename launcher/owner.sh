# shellcheck shell=sh
# Sourced by venv.sh, with $root set: what root makes in somebody's clone, by sudo, stays that somebody's.

: "${root:?the project directory}"

owner=
if [ "$(id -u)" = 0 ]; then owner=$(stat -c %u:%g -- "$root"); fi
case $owner in 0:*) owner= ;; esac

# What is written at each start, and would be in the way of who has the clone.
if [ -n "$owner" ]; then
    export PYTHONDONTWRITEBYTECODE=1
fi

# How uv fills the virtualenv: compiled, as nothing is at a start, and with no file that root's cache has, too.
owned_sync() { printf '%s' "${owner:+--compile-bytecode --link-mode=copy}"; }

give_to_owner() { [ -z "$owner" ] || chown -R -h -- "$owner" "$root/.venv"; }
