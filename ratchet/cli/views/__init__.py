"""What the commands draw. Pure: facts in, text out."""
