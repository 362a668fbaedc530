"""Reusable parts of the model loop, one capability each.

Parts are handed to each other as objects. Permissions are granted through their narrow `grant_*`
methods: each names the actions and the resources, so a policy says what its principal really does.
"""

import os

from ratchet import node

# jsii starts Node when aws_cdk is imported: by this variable, or by whatever `node` PATH has.
if node.is_installed():
    os.environ.setdefault("JSII_NODE", node.program())
