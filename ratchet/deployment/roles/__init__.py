"""The roles of a deployment: what they may do, did, and were refused."""
