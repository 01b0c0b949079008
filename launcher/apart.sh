# shellcheck shell=sh
# Sourced by tests after venv.sh, with .venv ready: makes virtualenvs apart from it, of what has other versions of what is
# in it. Each is .venv/NAME, from requirements/NAME.lock; it is complete when it has the copy of that file, written last.

: "${root:?the project directory}"

ensure_apart() {
    (
        flock 9
        if ! cmp -s "$root/requirements/$1.lock" "$root/.venv/$1/$1.lock"; then make_apart "$1"; fi
    ) 9<"$root/launcher/apart.sh"
}

make_apart() {
    echo "run-tests: preparing .venv/$1 (once; a few seconds)" >&2
    use_configured_index
    "$root/.venv/bin/uv" venv --quiet --allow-existing --python "$root/.venv/bin/python" "$root/.venv/$1"
    rm -f "$root/.venv/$1/$1.lock"
    # shellcheck disable=SC2046
    "$root/.venv/bin/uv" pip sync --quiet $(owned_sync) --python "$root/.venv/$1/bin/python" \
        --require-hashes "$root/requirements/$1.lock"
    cp "$root/requirements/$1.lock" "$root/.venv/$1/.lock"
    give_to_owner
    mv "$root/.venv/$1/.lock" "$root/.venv/$1/$1.lock"
}
