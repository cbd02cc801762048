"""A retraining as a chain of stages: what is new, what forbids it, its cost, and its outcome."""
