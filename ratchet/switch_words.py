"""The words that an environment variable may say yes or no with."""

from __future__ import annotations

YES = ("1", "true", "yes", "on")
NO = ("0", "false", "no", "off")


def switch(text: str) -> bool | None:
    """True or False for a word of yes or no, in any case; None for another text.

    Nothing at all is no, as for a variable that is not set.
    """
    word = text.strip().lower()
    if word in YES:
        return True
    return False if word in NO or not word else None
