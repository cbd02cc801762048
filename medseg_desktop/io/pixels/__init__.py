"""Frames of DICOM files: plain ones read here, compressed ones decoded in other processes."""
