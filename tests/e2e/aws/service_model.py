"""Whether a call to AWS, as it went over the wire, is one that botocore's service model allows."""

from __future__ import annotations

from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape


def models() -> dict[str, ServiceModel]:
    """The models of the services that are called."""
    loader = Loader()
    return {name: ServiceModel(loader.load_service_model(name, "service-2"), name) for name in ("ec2", "sts")}


def problems(model: ServiceModel, call: dict[str, Any]) -> list[str]:
    """What the model does not allow in a call."""
    action = call["action"]
    if action not in model.operation_names:
        return [f"{action}: unknown"]
    shape = model.operation_model(action).input_shape
    parameters = {name: value for name, value in call["parameters"].items() if name != "Version"}
    if shape is None:
        return [f"{action}: takes no parameters"] if parameters else []
    missing = {wire_name(name, shape.members[name]) for name in shape.required_members} - {
        name.partition(".")[0] for name in parameters
    }
    found = [f"{action}: {name} is missing" for name in sorted(missing)]
    for name, value in parameters.items():
        if problem := wrong(shape, name.split("."), value):
            found.append(f"{action}: {name}={value}: {problem}")
    return found


def wrong(shape: Shape, path: list[str], value: str) -> str:
    """What is wrong with a value at a path below a shape; empty when nothing is."""
    if not path:
        return wrong_value(shape, value)
    if shape.type_name == "structure":
        members = {wire_name(name, member): member for name, member in shape.members.items()}
        return wrong(members[path[0]], path[1:], value) if path[0] in members else f"no {path[0]} in {shape.name}"
    if shape.type_name == "list":
        return wrong(shape.member, path[1:], value) if path[0].isdigit() else f"{path[0]} is no number"
    return f"{shape.name} has no parts"


def wrong_value(shape: Shape, value: str) -> str:
    """What is wrong with a value; empty when nothing is."""
    match shape.type_name:
        case "string" if getattr(shape, "enum", None):
            return "" if value in shape.enum else f"none of {shape.enum}"
        case "boolean":
            return "" if value in ("true", "false") else "not true or false"
        case "integer" | "long":
            return "" if value.lstrip("-").isdigit() else "not a whole number"
        case "structure" | "list":
            return "not a value"
    return ""


def wire_name(name: str, shape: Shape) -> str:
    """A member's name in the query of EC2's protocol."""
    serialization = shape.serialization
    if "queryName" in serialization:
        return str(serialization["queryName"])
    text = str(serialization.get("name", name))
    return text[0].upper() + text[1:]
