"""The drivers under Python 2.7: what of ../inside_neutron does not take the tests of a later Neutron."""

from __future__ import annotations

import pytest

from .inside import Inside

LONG = pytest.mark.long("has groups and networks in an old Neutron; the layer drivers has them in that of today")


@pytest.mark.parametrize(
    "file",
    [
        pytest.param("old_groups.py", marks=LONG),
        pytest.param("old_networks.py", marks=LONG),
        "test_choices.py",
        "test_client.py",
        "test_ipam.py",
        "test_modules.py",
        "test_rules.py",
        "test_wanted.py",
    ],
)
def test_python_27(inside: Inside, file: str) -> None:
    done = inside.run(file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_built_packages_are_of_use(inside: Inside) -> None:
    """As stack.sh installs and uses them: the module of a web server, and the bindings for a newer libvirt."""
    script = """
        PYTHONPATH=$(echo /usr/share/python-wheels/pip-20.*.whl) python2.7 -W ignore -m pip install --quiet --no-deps \
            --no-index --find-links /root/wheels mod_wsgi libvirt-python
        test -s "$(/usr/local/bin/mod_wsgi-express module-location)"
        python2.7 -c 'import libvirt; print(libvirt.getVersion())'
    """
    done = inside.system.run(["sh", "-euc", script], {}, (), inside.mount_point)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) >= 9_000_000  # 9.0.0, Debian 12's
