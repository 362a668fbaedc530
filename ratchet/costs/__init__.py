"""What runs cost: how AWS bills a job, prices, and the rows that are kept of each run.

The standard library and botocore's clients only: the function `record_run` and the command line
reckon by the same code.
"""
