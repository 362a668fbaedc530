"""`python -m ratchet`: the command line, for debuggers that start a module."""

from ratchet.cli.main import main

if __name__ == "__main__":
    main()
