"""MedSeg Desktop: review, outline, retrain and predict lesions on low-field MR."""

__version__ = "0.1.0"
