"""The box of these tests: a Debian as Vagrant wants one, that has what a node needs, as nodes here have no way out.

It is made once for each recipe, below the user's cache directory. It boots without a boot loader: box.img is one file
system, kernel and initial RAM disk are beside it, which saves a good part of the time an emulated processor takes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml
from debian_mirror import debian_mirror

PROJECT = Path(__file__).parents[2]
RELEASE = "trixie"
NAME = "romana/tests"
PROVIDER = "libvirt"
CUSTOMIZE = Path(__file__).with_name("customize-box")
DISK = "6G"
# The key that everybody knows.
(KEY,) = Path("/usr/share/rubygems-integration/all/gems").glob("vagrant-[0-9]*/keys/vagrant.pub")
COMMAND_LINE = "net.ifnames=0 console=ttyS0 quiet mitigations=off"
ROLES = {"local_image": "local_image_packages", "node_base": "node_base_packages"}
PACKAGES = (
    "ifupdown",
    "isc-dhcp-client",
    "linux-image-cloud-amd64",
    "openssh-server",
    "sudo",
)
VAGRANTFILE = f"""\
Vagrant.configure("2") do |config|
  config.ssh.insert_key = false # nobody else reaches these machines, and making keys takes an emulated processor long
  config.vm.provider "libvirt" do |libvirt|
    libvirt.kernel = File.join(__dir__, "vmlinuz")
    libvirt.initrd = File.join(__dir__, "initrd")
    libvirt.cmd_line = "{COMMAND_LINE}"
  end
end
"""


def packages() -> list[str]:
    """What is installed in it: what roles would install with the engine `none`, and what a machine needs."""
    wanted = set(PACKAGES)
    for role, variable in ROLES.items():
        wanted.update(yaml.safe_load((PROJECT / "roles" / role / "defaults" / "main.yml").read_text())[variable])
    return sorted(wanted)


def digest() -> str:
    """Tells one recipe from another."""
    recipe = [Path(__file__).read_text(), CUSTOMIZE.read_text(), packages(), KEY.read_text()]
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]


def cache() -> Path:
    """Where boxes are kept."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "romana-setup" / "boxes"


def built() -> Path:
    """The directory of the box: metadata.json, Vagrantfile, box.img, vmlinuz and initrd; made when it is not there."""
    made = cache() / digest()
    if made.is_dir():
        return made
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{made.name}.", dir=cache()) as beside:
        directory = Path(beside) / "box"
        directory.mkdir()
        _build(directory, Path(beside) / "root")
        directory.rename(made)  # nobody finds half a box
    return made


def _build(directory: Path, root: Path) -> None:
    options = [
        "--variant=minbase",
        "--mode=root",
        '--aptopt=APT::Install-Recommends "false"',
        '--aptopt=Acquire::Languages "none"',
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("doc", "man", "locale")),
        f"--include={','.join(packages())}",
        f'--customize-hook={CUSTOMIZE} "$1" {KEY}',
    ]
    subprocess.run(["mmdebstrap", "--quiet", *options, RELEASE, str(root), *debian_mirror()], check=True)
    (kernel,) = (root / "boot").glob("vmlinuz-*")
    shutil.move(kernel, directory / "vmlinuz")
    shutil.move(root / "boot" / "initrd", directory / "initrd")
    raw = directory.with_name("raw")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-m", "0", "-d", str(root), str(raw), DISK], check=True)
    options = ["-f", "raw", "-O", "qcow2", "-c", "-o", "compression_type=zstd"]
    subprocess.run(["qemu-img", "convert", *options, str(raw), str(directory / "box.img")], check=True)
    metadata = {"provider": PROVIDER, "format": "qcow2", "virtual_size": int(DISK.removesuffix("G"))}
    (directory / "metadata.json").write_text(json.dumps(metadata))
    (directory / "Vagrantfile").write_text(VAGRANTFILE)
    for path in (directory, *directory.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
