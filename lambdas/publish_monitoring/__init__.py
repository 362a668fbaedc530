"""Makes a finished analysis visible: metrics for the alarms, and a record of what was analyzed."""
