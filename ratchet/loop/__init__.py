"""What the parts of the loop agree on: names, rules and records. Standard library only, no I/O.

Functions carry these modules in their archives (`SHARED` in constructs/ratchet_cdk/functions/
function_code.py). Constructs, pipelines and the command line import the same modules, so a fact of
the loop is written once.
"""
