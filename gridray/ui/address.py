"""The state of a view, which is in its address."""

from nicegui import json, ui


def parameter(name: str, default: str = "") -> str:
    """Return what the address of the page that is being made says."""
    return str(ui.context.client.request.query_params.get(name, default))


def remember(**values: str | None) -> None:
    """Put values into the address that the browser shows; None takes one out."""
    ui.run_javascript(f"gridray.remember({json.dumps(values)})")
