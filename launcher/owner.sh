# shellcheck shell=sh
# Sourced by venv.sh, with $root set: what root makes in somebody's clone, by sudo, stays that somebody's.

: "${root:?the project directory}"

owner=
if [ "$(id -u)" = 0 ]; then owner=$(stat -c %u:%g -- "$root"); fi
case $owner in 0:*) owner= ;; esac

# What Python compiles at a start is kept elsewhere: in the clone it would be in the way of who has that. To compile all
# of the virtualenv at once takes longer than a first command does for what it uses.
if [ -n "$owner" ]; then
    export PYTHONPYCACHEPREFIX="${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/romana-setup/bytecode"
fi

# How uv fills the virtualenv: with no file that root's cache has, too.
owned_sync() { printf '%s' "${owner:+--link-mode=copy}"; }

give_to_owner() { [ -z "$owner" ] || chown -R -h -- "$owner" "$root/.venv"; }
