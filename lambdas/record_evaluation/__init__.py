"""What an evaluation of the champion found, kept with the version, against its standards."""
