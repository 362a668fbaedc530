"""What a training script takes, asked of the script itself."""
