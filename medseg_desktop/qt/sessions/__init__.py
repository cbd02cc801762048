"""The owners of all state; only they emit, widgets are told."""

from medseg_desktop.qt.sessions.annotations import AnnotationSession
from medseg_desktop.qt.sessions.drawing import DrawingSession
from medseg_desktop.qt.sessions.retraining import RetrainSession
from medseg_desktop.qt.sessions.runs import RunSession
from medseg_desktop.qt.sessions.study import StudySession

__all__ = ["AnnotationSession", "DrawingSession", "RetrainSession", "RunSession", "StudySession"]
