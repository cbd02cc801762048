"""Prediction with ONNX Runtime; free of Qt and Paddle."""
