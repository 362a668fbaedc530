"""Which captured traffic the next analysis reads, and which baseline it is held against."""
