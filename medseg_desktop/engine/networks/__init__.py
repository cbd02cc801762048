"""Networks: made, with their weights, and as ONNX."""
