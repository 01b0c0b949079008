# shellcheck shell=sh
# Sourced by the drivers' tests after venv.sh, with .venv ready: makes .venv/neutron, a virtualenv in which Neutron is.
# It is complete when it has the copy of its lock file, written last.

: "${root:?the project directory}"

ensure_neutron() {
    (
        flock 9
        if ! cmp -s "$root/requirements/neutron.lock" "$root/.venv/neutron/neutron.lock"; then make_neutron; fi
    ) 9<"$root/launcher/neutron.sh"
}

make_neutron() {
    echo "run-tests: preparing .venv/neutron (once; a few seconds)" >&2
    use_configured_index
    "$root/.venv/bin/uv" venv --quiet --allow-existing --python "$root/.venv/bin/python" "$root/.venv/neutron"
    rm -f "$root/.venv/neutron/neutron.lock"
    # shellcheck disable=SC2046
    "$root/.venv/bin/uv" pip sync --quiet $(owned_sync) --python "$root/.venv/neutron/bin/python" \
        --require-hashes "$root/requirements/neutron.lock"
    cp "$root/requirements/neutron.lock" "$root/.venv/neutron/.lock"
    give_to_owner
    mv "$root/.venv/neutron/.lock" "$root/.venv/neutron/neutron.lock"
}
