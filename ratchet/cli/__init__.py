"""The command line: `ratchet --help`.

Commands import boto3, the pipelines and the local cloud when they run, so that help and completion
answer at once.
"""
