"""The two engines that compare traffic with the baseline, and the loop's metrics, alarms and
notices."""
