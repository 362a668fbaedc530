"""What runs inside a notebook's own kernel, and in the process that checks a promoted script.

A kernel is its own Python, with its own packages and possibly old ones. So everything here needs
the standard library only, imports other packages when a value of theirs is there, and is written
for Python 3.8 and later. The package is also loaded outside of `ratchet`, by its path: its modules
import each other by relative imports.
"""
