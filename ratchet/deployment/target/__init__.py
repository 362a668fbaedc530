"""Where a command goes: environment, account, stacks, and what the deployment left there."""
