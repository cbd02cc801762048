"""Training with PaddlePaddle; the only package that imports it, and only in a child process."""
