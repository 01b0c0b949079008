"""What a stack asks of EC2, as arguments for dry runs: an organization's rules judge the request as it will be."""

from __future__ import annotations

from typing import Any

from romana_install.config.settings import Config
from romana_install.targets.aws.resources import TAG_NAME, TAG_STACK

ANY_IMAGE = "ami-0123456789abcdef0"  # permission is looked at before the image is
ANY_KEY = b"ssh-ed25519 AAAA"


def vpc(config: Config) -> dict[str, Any]:
    """Arguments of CreateVpc. Pure."""
    return {"CidrBlock": config.aws_network, "TagSpecifications": _tagged(config, "vpc")}


def internet_gateway(config: Config) -> dict[str, Any]:
    """Arguments of CreateInternetGateway. Pure."""
    return {"TagSpecifications": _tagged(config, "internet-gateway")}


def key_pair(config: Config) -> dict[str, Any]:
    """Arguments of ImportKeyPair. Pure."""
    return {
        "KeyName": "romana-try",
        "PublicKeyMaterial": ANY_KEY,
        "TagSpecifications": _tagged(config, "key-pair"),
    }


def elastic_ip(config: Config) -> dict[str, Any]:
    """Arguments of AllocateAddress. Pure."""
    return {"Domain": "vpc", "TagSpecifications": _tagged(config, "elastic-ip")}


def instance(config: Config) -> dict[str, Any]:
    """Arguments of RunInstances, as the module aws_launch gives them. Pure."""
    volume = {"VolumeType": "gp3", "VolumeSize": config.aws_volume_size, "Encrypted": True, "DeleteOnTermination": True}
    return {
        "MinCount": 1,
        "MaxCount": 1,
        "ImageId": config.aws_image or ANY_IMAGE,
        "InstanceType": config.aws_instance_type_controller,
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": volume}],
        "MetadataOptions": {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "TagSpecifications": _tagged(config, "instance", "volume", "network-interface"),
    }


def _tagged(config: Config, *kinds: str) -> list[dict[str, Any]]:
    values = {TAG_STACK: config.stack_name, TAG_NAME: f"romana-{config.stack_name}", **config.aws_tags}
    tags = [{"Key": key, "Value": value} for key, value in values.items()]
    return [{"ResourceType": kind, "Tags": tags} for kind in kinds]
