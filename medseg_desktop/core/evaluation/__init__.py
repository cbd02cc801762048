"""What an evaluation measures: patient by patient, in the mean, and between two models."""
