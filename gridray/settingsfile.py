"""Changes in `settings.toml`, which leave everything else in it as the user has written it."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gridray import settings
from gridray.errors import UsageError


def change(values: Mapping[str, str | None]) -> None:
    """Set settings at the top of the file; None takes one out.

    Raises:
        UsageError: the file cannot be understood, read or written.
    """
    import tomlkit

    settings.load()
    path = settings.home() / "settings.toml"
    try:
        document = tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()
        for name, value in values.items():
            if value is not None:
                document[name] = value
            elif name in document:
                del document[name]
        _replace(path.resolve(), tomlkit.dumps(document))
    except OSError as error:
        raise UsageError(f"{path} cannot be changed: {error}") from error


def _replace(path: Path, text: str) -> None:
    """Write the file at once or not at all, with the mode that it had."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=".settings-")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(partial, mode)
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise
