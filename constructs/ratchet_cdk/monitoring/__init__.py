"""The two engines that compare traffic with the baseline, and what the loop says of itself."""
