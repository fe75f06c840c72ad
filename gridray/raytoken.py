"""The token that Ray itself would use."""

import os
from pathlib import Path


def ambient_token() -> str | None:
    """Return the token that Ray itself would use on this machine.

    Source: ray's documentation of token authentication: RAY_AUTH_TOKEN, the file that
    RAY_AUTH_TOKEN_PATH names, ~/.ray/auth_token.
    """
    if token := os.environ.get("RAY_AUTH_TOKEN"):
        return token
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    try:
        return path.read_text().strip() or None
    except OSError:
        return None
