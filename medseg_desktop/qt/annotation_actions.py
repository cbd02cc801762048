"""The actions of drawing, correcting, reviewing and saving, as data (see `qt.actions`)."""

from __future__ import annotations

from medseg_desktop.qt.action_info import ActionInfo
from medseg_desktop.qt.i18n import QT_TRANSLATE_NOOP

ANNOTATION_ACTIONS = (
    ActionInfo("undo", QT_TRANSLATE_NOOP("Actions", "Undo"), "undo", ("Ctrl+Z",), "", False),
    ActionInfo(
        "redo",
        QT_TRANSLATE_NOOP("Actions", "Redo"),
        "redo",
        (
            "Ctrl+Shift+Z",
            "Ctrl+Y",
        ),
        "",
        False,
    ),
    ActionInfo(
        "browse",
        QT_TRANSLATE_NOOP("Actions", "Browse"),
        "browse",
        ("Q",),
        QT_TRANSLATE_NOOP("Actions", "Look: left drag sets the window, right drag zooms"),
        True,
    ),
    ActionInfo(
        "tool_edit",
        QT_TRANSLATE_NOOP("Actions", "Edit"),
        "tool-edit",
        ("V",),
        QT_TRANSLATE_NOOP("Actions", "Select shapes, move them and their vertices"),
        True,
    ),
    ActionInfo(
        "tool_polygon",
        QT_TRANSLATE_NOOP("Actions", "Polygon"),
        "tool-polygon",
        ("G",),
        QT_TRANSLATE_NOOP("Actions", "Click the vertices; double click closes"),
        True,
    ),
    ActionInfo(
        "tool_rectangle",
        QT_TRANSLATE_NOOP("Actions", "Rectangle"),
        "tool-rectangle",
        ("T",),
        QT_TRANSLATE_NOOP("Actions", "Drag from corner to corner; Shift makes a square"),
        True,
    ),
    ActionInfo(
        "tool_circle",
        QT_TRANSLATE_NOOP("Actions", "Circle"),
        "tool-circle",
        ("O",),
        QT_TRANSLATE_NOOP("Actions", "Drag from the centre to the rim"),
        True,
    ),
    ActionInfo(
        "tool_lasso",
        QT_TRANSLATE_NOOP("Actions", "Lasso"),
        "tool-lasso",
        ("L",),
        QT_TRANSLATE_NOOP("Actions", "Draw an outline freehand"),
        True,
    ),
    ActionInfo(
        "tool_brush",
        QT_TRANSLATE_NOOP("Actions", "Brush"),
        "tool-brush",
        ("B",),
        QT_TRANSLATE_NOOP(
            "Actions", "Paint the current label; Ctrl erases; [ and ] change the size"
        ),
        True,
    ),
    ActionInfo(
        "tool_eraser",
        QT_TRANSLATE_NOOP("Actions", "Eraser"),
        "tool-eraser",
        ("E",),
        QT_TRANSLATE_NOOP("Actions", "Take away what lies under the brush; Ctrl paints"),
        True,
    ),
    ActionInfo(
        "tool_cut",
        QT_TRANSLATE_NOOP("Actions", "Cut"),
        "tool-cut",
        ("K",),
        QT_TRANSLATE_NOOP("Actions", "Draw a line that parts shapes"),
        True,
    ),
    ActionInfo(
        "brush_smaller", QT_TRANSLATE_NOOP("Actions", "Smaller brush"), "", ("[",), "", False
    ),
    ActionInfo("brush_larger", QT_TRANSLATE_NOOP("Actions", "Larger brush"), "", ("]",), "", False),
    ActionInfo(
        "snap",
        QT_TRANSLATE_NOOP("Actions", "Snap to vertices"),
        "snap",
        ("Shift+G",),
        QT_TRANSLATE_NOOP("Actions", "New vertices go to those of other shapes that are near"),
        True,
    ),
    ActionInfo(
        "copy_shapes", QT_TRANSLATE_NOOP("Actions", "Copy shapes"), "copy", ("Ctrl+C",), "", False
    ),
    ActionInfo(
        "paste_shapes", QT_TRANSLATE_NOOP("Actions", "Paste shapes"), "", ("Ctrl+V",), "", False
    ),
    ActionInfo(
        "duplicate_next",
        QT_TRANSLATE_NOOP("Actions", "Copy to next slice"),
        "",
        ("Ctrl+Down",),
        QT_TRANSLATE_NOOP("Actions", "Copy the selected shapes, or those of the current label"),
        False,
    ),
    ActionInfo(
        "duplicate_previous",
        QT_TRANSLATE_NOOP("Actions", "Copy to previous slice"),
        "",
        ("Ctrl+Up",),
        QT_TRANSLATE_NOOP("Actions", "Copy the selected shapes, or those of the current label"),
        False,
    ),
    ActionInfo(
        "delete_shapes",
        QT_TRANSLATE_NOOP("Actions", "Delete"),
        "",
        ("Del",),
        QT_TRANSLATE_NOOP("Actions", "Delete the selected shapes, or the vertex under the pointer"),
        False,
    ),
    ActionInfo(
        "take_back_point",
        QT_TRANSLATE_NOOP("Actions", "Take back the last point"),
        "",
        ("Backspace",),
        QT_TRANSLATE_NOOP("Actions", "Of what is being drawn, or the vertex under the pointer"),
        False,
    ),
    ActionInfo(
        "select_all", QT_TRANSLATE_NOOP("Actions", "Select all shapes"), "", ("Ctrl+A",), "", False
    ),
    ActionInfo(
        "smooth_shapes", QT_TRANSLATE_NOOP("Actions", "Smooth outline"), "", ("Ctrl+M",), "", False
    ),
    ActionInfo(
        "simplify_shapes",
        QT_TRANSLATE_NOOP("Actions", "Simplify outline"),
        "",
        ("Ctrl+L",),
        QT_TRANSLATE_NOOP("Actions", "Leave out vertices that hardly count"),
        False,
    ),
    ActionInfo(
        "clip_shapes",
        QT_TRANSLATE_NOOP("Actions", "Clip to the slice"),
        "",
        (),
        QT_TRANSLATE_NOOP(
            "Actions", "Limit the selected shapes, or all, to what lies inside the slice"
        ),
        False,
    ),
    ActionInfo(
        "merge_shapes",
        QT_TRANSLATE_NOOP("Actions", "Merge shapes"),
        "",
        ("Ctrl+U",),
        QT_TRANSLATE_NOOP("Actions", "Make the selected shapes one"),
        False,
    ),
    ActionInfo(
        "to_front",
        QT_TRANSLATE_NOOP("Actions", "Bring to front"),
        "to-front",
        ("Ctrl+]",),
        QT_TRANSLATE_NOOP("Actions", "Where labels overlap, the shape in front counts"),
        False,
    ),
    ActionInfo(
        "to_back",
        QT_TRANSLATE_NOOP("Actions", "Send to back"),
        "to-back",
        ("Ctrl+[",),
        QT_TRANSLATE_NOOP("Actions", "Where labels overlap, the shape in front counts"),
        False,
    ),
    ActionInfo(
        "reviewed",
        QT_TRANSLATE_NOOP("Actions", "No lesion"),
        "",
        ("S",),
        QT_TRANSLATE_NOOP("Actions", "The slice was looked at and has no lesion"),
        True,
    ),
    ActionInfo(
        "reviewed_rest",
        QT_TRANSLATE_NOOP("Actions", "No lesion on the rest of the series"),
        "",
        ("Ctrl+Shift+A",),
        QT_TRANSLATE_NOOP(
            "Actions", "Every slice that is not marked yet was looked at and has no lesion"
        ),
        False,
    ),
    ActionInfo(
        "accept",
        QT_TRANSLATE_NOOP("Actions", "Accept prediction"),
        "",
        ("Return",),
        QT_TRANSLATE_NOOP(
            "Actions", "Make the proposed lesions of the slice, or the selected ones, yours"
        ),
        False,
        True,
    ),
    ActionInfo(
        "reject",
        QT_TRANSLATE_NOOP("Actions", "Reject prediction"),
        "",
        ("X",),
        QT_TRANSLATE_NOOP(
            "Actions", "Drop the proposed lesions of the slice, or the selected ones"
        ),
        False,
    ),
    ActionInfo(
        "next_proposal",
        QT_TRANSLATE_NOOP("Actions", "Next slice to decide"),
        "",
        ("Shift+N",),
        QT_TRANSLATE_NOOP("Actions", "The next slice of the series with an open proposal"),
        False,
    ),
    ActionInfo(
        "previous_proposal",
        QT_TRANSLATE_NOOP("Actions", "Previous slice to decide"),
        "",
        ("Shift+P",),
        QT_TRANSLATE_NOOP("Actions", "The slice before of the series with an open proposal"),
        False,
    ),
    ActionInfo(
        "accept_series",
        QT_TRANSLATE_NOOP("Actions", "Accept all of the series"),
        "",
        ("Ctrl+Return",),
        "",
        False,
    ),
    ActionInfo(
        "accept_all", QT_TRANSLATE_NOOP("Actions", "Accept all of all series"), "", (), "", False
    ),
    ActionInfo(
        "predict_slice",
        QT_TRANSLATE_NOOP("Actions", "Predict this slice"),
        "",
        ("Ctrl+Shift+P",),
        "",
        False,
    ),
    ActionInfo(
        "predict_series", QT_TRANSLATE_NOOP("Actions", "Predict this series"), "", (), "", False
    ),
    ActionInfo(
        "predict_all", QT_TRANSLATE_NOOP("Actions", "Predict all open series"), "", (), "", False
    ),
    ActionInfo(
        "save", QT_TRANSLATE_NOOP("Actions", "Save annotations"), "save", ("Ctrl+S",), "", False
    ),
    ActionInfo(
        "autosave",
        QT_TRANSLATE_NOOP("Actions", "Save by itself"),
        "",
        (),
        QT_TRANSLATE_NOOP("Actions", "Save a moment after every change"),
        True,
    ),
    ActionInfo(
        "versions",
        QT_TRANSLATE_NOOP("Actions", "Earlier versions…"),
        "",
        (),
        QT_TRANSLATE_NOOP("Actions", "Show what was saved of this slice before"),
        False,
    ),
    ActionInfo(
        "annotator",
        QT_TRANSLATE_NOOP("Actions", "Annotator…"),
        "",
        (),
        QT_TRANSLATE_NOOP("Actions", "Whose name stands in the shapes"),
        False,
    ),
)
