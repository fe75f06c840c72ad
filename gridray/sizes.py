"""Sizes as users write them."""

import re

SIZE = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>[KMGT])(?P<binary>i?)B?", re.IGNORECASE)


def parse_size(text: str) -> int:
    """Return the bytes of `16GB` (powers of 1,000) or `16GiB` (of 1,024).

    Raises:
        ValueError: it is nothing of the kind.
    """
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("write it as 16GB or 512MiB")
    power = "KMGT".index(match["unit"].upper()) + 1
    return int(float(match["number"]) * (1024 if match["binary"] else 1000) ** power)
