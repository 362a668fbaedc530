"""The foundation of everything else: buckets, the code bucket, topics, budget, cost table."""
