"""What is said on a page of what went wrong."""

from gridray.errors import GridrayError


def sentence(message: str) -> str:
    """Return an error's message as a sentence."""
    return f"{message[:1].upper()}{message[1:]}."


def words(error: GridrayError) -> str:
    """Return what went wrong, and on a second line what can be done about it."""
    return sentence(error.message) + (f"\n{sentence(error.hint)}" if error.hint else "")


def fault(error: Exception) -> str:
    """Return what is said of an error that nobody has foreseen."""
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"A fault in Gridray: {what}. `gridray ui` has printed where it happened."
