"""Public data that makes the loop turn: what the demo and the tests land in the data bucket."""
