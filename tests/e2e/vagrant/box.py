"""The box of these tests: nodes' image made one as Vagrant wants it, as machines here have no way out.

It is made once for each recipe, below the user's cache directory. It boots without a boot loader: box.img is one file
system, kernel and initial RAM disk are beside it, which saves a good part of the time an emulated processor takes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from image_layer import APART, layer
from node_image import node_image

from romana_install.state.lock import awaited
from romana_install.state.stack import cache_home

RELEASE = "trixie"
NAME = "romana/tests"
PROVIDER = "libvirt"
CUSTOMIZE = Path(__file__).with_name("customize-box")
# By the engine that a box is for, whose packages it has: the size of its disk in GiB, and what else a real machine has.
BOXES = {"none": (6, ""), "packages": (12, "apparmor")}
# The key that everybody knows.
(KEY,) = Path("/usr/share/rubygems-integration/all/gems").glob("vagrant-[0-9]*/keys/vagrant.pub")
COMMAND_LINE = "net.ifnames=0 console=ttyS0 quiet mitigations=off no_timer_check cryptomgr.notests"
VAGRANTFILE = f"""\
Vagrant.configure("2") do |config|
  config.ssh.insert_key = false # nobody else reaches these machines, and making keys takes an emulated processor long
  config.vm.provider "libvirt" do |libvirt|
    libvirt.disk_driver cache: "unsafe" # what a test writes need not outlive this machine's power
    libvirt.kernel = File.join(__dir__, "vmlinuz")
    libvirt.initrd = File.join(__dir__, "initrd")
    libvirt.cmd_line = "{COMMAND_LINE}"
  end
end
"""


def built(engine: str) -> Path:
    """The directory of the box for an engine; made when it is not there.

    In it are metadata.json, Vagrantfile, box.img, vmlinuz and initrd.
    """
    base, (size, more) = node_image(engine), BOXES[engine]
    given = f"KEY='{KEY.read_text().strip()}'\nMORE='{more}'\n"
    parts = [layer("box", base, given + CUSTOMIZE.read_text()), base]
    recipe = [Path(__file__).read_text(), *map(str, parts)]
    boxes = cache_home() / "boxes"
    made = boxes / hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]
    boxes.mkdir(parents=True, exist_ok=True)
    with awaited(boxes / f"{made.name}.lock"):  # two files of tests begin with it at the same time
        if not made.is_dir():
            with tempfile.TemporaryDirectory(prefix=f"{made.name}.", dir=boxes) as beside:
                directory = Path(beside) / "box"
                directory.mkdir()
                _build(directory, parts, size)
                directory.rename(made)  # nobody finds half a box
    return made


def _build(directory: Path, parts: list[Path], size: int) -> None:
    boot = parts[0] / "boot"
    (kernel,) = boot.glob("vmlinuz-*")
    shutil.copy(kernel, directory / "vmlinuz")
    shutil.copy(boot / "initrd", directory / "initrd")
    raw, root = directory.with_name("raw"), directory.with_name("root")
    root.mkdir()
    # What would be written at the first mount is written now, where it compresses to nothing.
    script = """
mount -t overlay -o "lowerdir=$1" overlay "$2"
exec mke2fs -q -t ext4 -m 0 -E lazy_itable_init=0,lazy_journal_init=0 -d "$2" "$3" "$4"
"""
    lower = ":".join(map(str, parts))
    subprocess.run([*APART, "sh", "-euc", script, "sh", lower, root, raw, f"{size}G"], check=True)
    options = ["-f", "raw", "-O", "qcow2", "-c", "-o", "compression_type=zstd"]
    subprocess.run(["qemu-img", "convert", *options, str(raw), str(directory / "box.img")], check=True)
    metadata = {"provider": PROVIDER, "format": "qcow2", "virtual_size": size}
    (directory / "metadata.json").write_text(json.dumps(metadata))
    (directory / "Vagrantfile").write_text(VAGRANTFILE)
    for path in (directory, *directory.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
