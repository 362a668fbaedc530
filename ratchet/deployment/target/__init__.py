"""The target of a command: environment, account, stacks, and the facts of the deployment."""
