"""What options take: texts of the command line -> values, or what is wrong with them.

They raise `argparse.ArgumentTypeError`, which argparse tells behind the name of the option.
"""

from __future__ import annotations

import argparse


def count(text: str) -> int:
    """A whole number of at least 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return value


def counts(text: str) -> list[int]:
    """E.g. "1,2" -> [1, 2]."""
    return [count(part) for part in text.split(",")]


def seed(text: str) -> int:
    """Of everything random, 0 to 2147483647."""
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 to 2147483647")
    return int(text)


def devices(text: str) -> list[int]:
    """E.g. "0,1" -> [0, 1]."""
    numbers = text.split(",")
    if not all(number.isdecimal() for number in numbers):
        raise argparse.ArgumentTypeError(f"{text} is not a list of device numbers such as 0,1")
    devices = [int(number) for number in numbers]
    if len(set(devices)) < len(devices):
        raise argparse.ArgumentTypeError(f"{text} names a device twice")
    return devices


def patience(text: str) -> int:
    """A whole number of evaluations."""
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of evaluations")
    return int(text)


def learning_rate(text: str) -> float:
    """A learning rate."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1e12:
        raise argparse.ArgumentTypeError(f"{text} is not a learning rate above 0")
    return value


def seconds(text: str) -> float:
    """A number of seconds above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds")
    return value


def network_size(text: str) -> int:
    """The side of a network's input in pixels."""
    value = count(text)
    if value % 32 or value < 64:
        raise argparse.ArgumentTypeError(f"{text} is not a multiple of 32 of at least 64")
    return value
