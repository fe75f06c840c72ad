"""An error of AWS's that is ours to raise; apart, because moto takes long to import."""

from moto.core.exceptions import ServiceException


class Refusal(ServiceException):  # type: ignore[misc]
    """`Refusal(code, message)`: moto says it as the service that was asked does."""
