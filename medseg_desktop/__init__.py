"""MedSeg Desktop: review, outline, retrain and predict lesions on low-field MR."""

import os

__version__ = "0.1.0"

# ONNX Runtime reports its use to its makers unless this is set before it is imported, in
# whatever process; nothing may leave a hospital's workstation.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
