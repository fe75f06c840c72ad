"""Where packages come from: what a user has set for pip holds for uv too."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

# pip's variable (its manual, "Environment Variables") -> uv's (its reference, the same heading).
PIP_TO_UV = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_NO_INDEX": "UV_NO_INDEX",
    "PIP_TRUSTED_HOST": "UV_INSECURE_HOST",
    "PIP_CONSTRAINT": "UV_CONSTRAINT",
    "PIP_CERT": "SSL_CERT_FILE",
}
# pip takes its lists with spaces between, uv these with commas.
WITH_COMMAS = ("UV_FIND_LINKS",)
# What says which Python uv works on. We say so ourselves.
PLACES = ("UV_SYSTEM_PYTHON", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_WORKING_DIR", "UV_PROJECT")
# What changes how a package is fetched, but not which.
INDIFFERENT = re.compile(r"CACHE|TIMEOUT|CONCURREN|RETRIES|PROGRESS|COLOR|VERSION_CHECK|CERT")
CREDENTIALS = re.compile(r"//[^/@\s]*@")


def for_uv(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that uv gets: without what is not ours to leave to it."""
    found = {name: value for name, value in env.items() if name not in PLACES}
    for pips, uvs in PIP_TO_UV.items():
        if env.get(pips):
            value = ",".join(env[pips].split()) if uvs in WITH_COMMAS else env[pips]
            found.setdefault(uvs, value)
    found |= {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    found.pop("FORCE_COLOR", None)
    return found


def with_cache(env: Mapping[str, str], base: Path) -> dict[str, str]:
    """Return an environment in which uv's cache can be written: the user's own if that is so."""
    if "UV_CACHE_DIR" in env:
        return dict(env)
    ours = {**env, "UV_CACHE_DIR": str(base / "uv")}
    try:
        home = Path(env.get("HOME") or Path.home())
    except RuntimeError:
        return ours
    cache = Path(env.get("XDG_CACHE_HOME") or home / ".cache")
    there = next(place for place in (cache, *cache.parents) if place.exists())
    return dict(env) if os.access(there, os.W_OK) else ours


def meant(env: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the variables that decide which packages are taken, without anybody's credentials."""
    return sorted(
        (name, CREDENTIALS.sub("//", value))
        for name, value in env.items()
        if name.startswith(("UV_", "PIP_")) and not INDIFFERENT.search(name)
    )
