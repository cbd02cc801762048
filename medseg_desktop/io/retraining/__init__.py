"""A retraining on disk: its file, and what there is to plan it by."""
