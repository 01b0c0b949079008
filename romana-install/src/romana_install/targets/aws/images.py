"""The image of new nodes, found as the playbooks find it."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from romana_install.base.invocation import PROJECT
from romana_install.config.settings import Config
from romana_install.targets.aws.resources import paged

_TABLE = PROJECT / "roles" / "aws_image" / "vars" / "main.yml"


@cache
def _table() -> dict[str, Any]:
    """The owner, and the name of each release's images: the role has them."""
    return dict(yaml.safe_load(_TABLE.read_text()))


def find(ec2: Any, config: Config) -> dict[str, Any] | None:
    """What EC2 says of the image, None when there is none. Raises botocore's ClientError, for a wrong id, too."""
    if config.aws_image:
        found = ec2.describe_images(ImageIds=[config.aws_image])["Images"]
    else:
        filters = {
            "name": _table()["aws_image_names"][config.local_debian_release],
            "architecture": "x86_64",
            "root-device-type": "ebs",
            "state": "available",
        }
        found = paged(
            ec2,
            "describe_images",
            "Images",
            Owners=[_table()["aws_image_owner"]],
            Filters=[{"Name": name, "Values": [value]} for name, value in filters.items()],
        )
    return max(found, key=lambda image: str(image["CreationDate"]), default=None)
