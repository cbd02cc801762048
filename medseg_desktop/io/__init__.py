"""Disk <-> core: every file format of the program, free of Qt and Paddle.

From what the user names to series: `sources` (folders, archives, media) -> `dicom` (what headers
say) -> `dicom_series` (the scan); `pixels` reads and decodes frames.  The rest is one module for
each of our own files, and the conversion.
"""
