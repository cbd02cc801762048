"""What every document that leaves the program says about itself."""

from __future__ import annotations

RESEARCH_NOTICE = (
    "For research and education. Not a medical device. Not reviewed by FDA, NMPA or a notified "
    "body. Do not use for diagnosis or treatment."
)
