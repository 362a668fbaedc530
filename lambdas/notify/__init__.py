"""Sends people notices: what happened, and what to type next."""
