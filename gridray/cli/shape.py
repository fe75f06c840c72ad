"""What a JSON object that a command prints is made from."""

from typing import ClassVar


class Shape:
    """A dataclass whose fields, and no others, are the JSON object's; `docs/cli.md` shows them."""

    __pydantic_config__: ClassVar = {"use_attribute_docstrings": True, "extra": "forbid"}
