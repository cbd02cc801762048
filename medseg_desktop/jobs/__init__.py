"""Child processes: what they say (`protocol`), how they run (`worker`), who watches (`child`).

Everything that takes long (conversion, training, evaluation, export) runs in a child process.
This package knows neither Qt nor Paddle.
"""
