"""What is deployed and what runs, read and changed through AWS's own APIs.

The same calls go to AWS and to the local cloud; nothing here draws on a terminal.
"""
