"""Disk <-> core: every file format of the program, free of Qt and Paddle."""
