"""What every document that leaves the program says about itself."""

from __future__ import annotations

RESEARCH_NOTICE = (
    "For research and education. Not a medical device. Not reviewed by FDA, NMPA or a notified "
    "body. Do not use for diagnosis or treatment."
)
RESEARCH_NOTICE_ZH = (
    "仅供科研与教学使用，非医疗器械；未经 FDA、NMPA 或公告机构审评，不得用于诊断或治疗。"  # noqa: RUF001
)
