"""What a stack of a loop can do, each a method. They find what they share in the stack's loop."""
