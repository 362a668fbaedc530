"""How reading data ends that no model can be made of."""


class DataError(ValueError):
    """The message says what was read, what is expected, and what to do next."""
