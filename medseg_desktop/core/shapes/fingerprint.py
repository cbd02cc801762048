"""Fingerprints of shapes: the same outline is known again, a corrected one is another."""

from __future__ import annotations

import hashlib

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.shapes.rings import rings_of


def fingerprint(shape: Shape, label_index: int) -> str:
    """16 hexadecimal digits of a shape's type, exact outline and label.

    Args:
        label_index: class index, which a label keeps when it is renamed.
    """
    told = hashlib.sha256(f"{label_index} {shape.shape_type.value}".encode())
    for ring in rings_of(shape):
        told.update(b"|" + ring.round(3).tobytes())
    return told.hexdigest()[:16]
