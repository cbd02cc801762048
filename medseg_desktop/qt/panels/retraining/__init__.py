"""What the tab Train shows of a retraining."""
