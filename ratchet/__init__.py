"""What runs on a laptop: the runner, the local cloud and the command line."""
