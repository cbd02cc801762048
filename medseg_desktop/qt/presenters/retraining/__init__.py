"""Between a retraining and what shows it."""
