"""One module per command or group of commands that belong together."""
