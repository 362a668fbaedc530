"""Monitoring schedules that run: when, over which window, as which processing job."""
