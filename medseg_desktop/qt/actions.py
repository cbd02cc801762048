"""Actions, menus and the toolbar as data; the main window only walks them."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from medseg_desktop.qt.action_info import ActionInfo
from medseg_desktop.qt.annotation_actions import ANNOTATION_ACTIONS
from medseg_desktop.qt.i18n import QT_TRANSLATE_NOOP
from medseg_desktop.qt.theme.icons import set_icon

ACTIONS: tuple[ActionInfo, ...] = (
    ActionInfo("open_folder", QT_TRANSLATE_NOOP("Actions", "Open folder…"), "open-folder",
               ("Ctrl+O",), QT_TRANSLATE_NOOP("Actions", "Open a folder of DICOM series")),
    ActionInfo("open_file", QT_TRANSLATE_NOOP("Actions", "Open file…"), "",
               ("Ctrl+Shift+O",), QT_TRANSLATE_NOOP("Actions", "Open files, a DICOMDIR or a .zip")),
    ActionInfo("reload", QT_TRANSLATE_NOOP("Actions", "Read again"), "reset", ("F5",)),
    ActionInfo("file_report", QT_TRANSLATE_NOOP("Actions", "Files of the folder…"), "info"),
    ActionInfo("quit", QT_TRANSLATE_NOOP("Actions", "Quit"), "", ("Ctrl+Q",)),
    ActionInfo("next_slice", QT_TRANSLATE_NOOP("Actions", "Next slice"), "", ("Down", "D")),
    ActionInfo("previous_slice", QT_TRANSLATE_NOOP("Actions", "Previous slice"), "", ("Up", "A")),
    ActionInfo("first_slice", QT_TRANSLATE_NOOP("Actions", "First slice"), "", ("Home",)),
    ActionInfo("last_slice", QT_TRANSLATE_NOOP("Actions", "Last slice"), "", ("End",)),
    ActionInfo("next_annotated", QT_TRANSLATE_NOOP("Actions", "Next annotated slice"), "", ("N",)),
    ActionInfo("previous_annotated",
               QT_TRANSLATE_NOOP("Actions", "Previous annotated slice"), "", ("P",)),
    ActionInfo("next_time", QT_TRANSLATE_NOOP("Actions", "Next time point"), "", (".",)),
    ActionInfo("previous_time", QT_TRANSLATE_NOOP("Actions", "Previous time point"), "", (",",)),
    ActionInfo("play", QT_TRANSLATE_NOOP("Actions", "Play"), "play", ("C",),
               QT_TRANSLATE_NOOP("Actions", "Play the slices one after another"), True),
    ActionInfo("next_series", QT_TRANSLATE_NOOP("Actions", "Next series"), "", ("PgDown",)),
    ActionInfo("previous_series", QT_TRANSLATE_NOOP("Actions", "Previous series"), "", ("PgUp",)),
    ActionInfo("next_patient", QT_TRANSLATE_NOOP("Actions", "Next patient to review"), "",
               ("Ctrl+PgDown",),
               QT_TRANSLATE_NOOP("Actions", "The next patient who is not done")),
    ActionInfo("previous_patient", QT_TRANSLATE_NOOP("Actions", "Previous patient to review"), "",
               ("Ctrl+PgUp",),
               QT_TRANSLATE_NOOP("Actions", "The patient before who is not done")),
    ActionInfo("reset_window", QT_TRANSLATE_NOOP("Actions", "Reset window"), "reset", ("R",),
               QT_TRANSLATE_NOOP("Actions", "Back to the window of the series")),
    ActionInfo("invert", QT_TRANSLATE_NOOP("Actions", "Invert"), "invert", ("I",),
               QT_TRANSLATE_NOOP("Actions", "Swap black and white"), True),
    ActionInfo("window_box", QT_TRANSLATE_NOOP("Actions", "Window from box"), "window-box",
               ("W",), QT_TRANSLATE_NOOP("Actions", "Drag a box whose values set the window"),
               True),
    ActionInfo("cancel", QT_TRANSLATE_NOOP("Actions", "Cancel"), "", ("Esc",)),
    ActionInfo("denoise", QT_TRANSLATE_NOOP("Actions", "Denoise"), "denoise", ("M",),
               QT_TRANSLATE_NOOP("Actions", "Show the slice as the model sees it; nothing is "
                                 "changed"), True),
    ActionInfo("actual_pixels", QT_TRANSLATE_NOOP("Actions", "Actual pixels (1:1)"),
               "actual-pixels", ("Shift+F",),
               QT_TRANSLATE_NOOP("Actions", "One pixel of the slice on one of the screen")),
    ActionInfo("rotate_right", QT_TRANSLATE_NOOP("Actions", "Rotate right"), "rotate-right",
               ("Ctrl+Right",)),
    ActionInfo("rotate_left", QT_TRANSLATE_NOOP("Actions", "Rotate left"), "rotate-left",
               ("Ctrl+Left",)),
    ActionInfo("flip_horizontal", QT_TRANSLATE_NOOP("Actions", "Flip left and right"),
               "flip-horizontal", ("Shift+H",)),
    ActionInfo("flip_vertical", QT_TRANSLATE_NOOP("Actions", "Flip top and bottom"),
               "flip-vertical", ("Shift+V",)),
    ActionInfo("turn_back", QT_TRANSLATE_NOOP("Actions", "Back to the stored orientation")),
    ActionInfo("smooth", QT_TRANSLATE_NOOP("Actions", "Smooth pixels"), "", ("Shift+S",),
               QT_TRANSLATE_NOOP("Actions", "Interpolate between pixels when zoomed in"), True),
    ActionInfo("drag_down", QT_TRANSLATE_NOOP("Actions", "Drag down is brighter"), "", (),
               QT_TRANSLATE_NOOP("Actions", "Which way a drag on the slice moves the level"),
               True),
    ActionInfo("copy_picture", QT_TRANSLATE_NOOP("Actions", "Copy picture"), "copy",
               ("Ctrl+Shift+C",), QT_TRANSLATE_NOOP("Actions", "Copy the slice as it is shown")),
    ActionInfo("save_picture", QT_TRANSLATE_NOOP("Actions", "Save picture…"), "save",
               ("Ctrl+Shift+S",),
               QT_TRANSLATE_NOOP("Actions", "Save the slice as it is shown as PNG")),
    ActionInfo("picture_identity", QT_TRANSLATE_NOOP("Actions", "Pictures name the patient"),
               "", (), "", True),
    ActionInfo("fit", QT_TRANSLATE_NOOP("Actions", "Fit"), "fit", ("F",),
               QT_TRANSLATE_NOOP("Actions", "Show the whole slice")),
    ActionInfo("identity", QT_TRANSLATE_NOOP("Actions", "Show patient"), "eye", ("Ctrl+H",),
               QT_TRANSLATE_NOOP("Actions", "Show or hide who the patient is"), True),
    ActionInfo("outlines", QT_TRANSLATE_NOOP("Actions", "Outlines"), "", (),
               QT_TRANSLATE_NOOP("Actions", "Show the outlines of the annotations"), True),
    ActionInfo("label_map", QT_TRANSLATE_NOOP("Actions", "Label map"), "", (),
               QT_TRANSLATE_NOOP("Actions", "Show the annotations filled"), True),
    ActionInfo("hide_overlays", QT_TRANSLATE_NOOP("Actions", "Hide the overlays while it is held"),
               "", ("H",)),
    ActionInfo("convert", QT_TRANSLATE_NOOP("Actions", "Make a dataset…"), "convert", (),
               QT_TRANSLATE_NOOP("Actions", "Convert reviewed slices into a training set")),
    ActionInfo("predict", QT_TRANSLATE_NOOP("Actions", "Predict"), "predict", ("Ctrl+P",),
               QT_TRANSLATE_NOOP("Actions", "Show what the model finds"), True),
    ActionInfo("compare", QT_TRANSLATE_NOOP("Actions", "Compare"), "compare", ("U",),
               QT_TRANSLATE_NOOP("Actions", "Show where my outlines and models differ"), True),
    ActionInfo("next_disagreement", QT_TRANSLATE_NOOP("Actions", "Next disagreement"),
               "chevron-down", ("J",),
               QT_TRANSLATE_NOOP("Actions", "The next place of the series where the compared "
                                 "outlines disagree")),
    ActionInfo("previous_disagreement", QT_TRANSLATE_NOOP("Actions", "Previous disagreement"),
               "chevron-up", ("Shift+J",),
               QT_TRANSLATE_NOOP("Actions", "The place before of the series where the compared "
                                 "outlines disagree")),
    ActionInfo("import_model", QT_TRANSLATE_NOOP("Actions", "Import a model…"), "model"),
    ActionInfo("patients", QT_TRANSLATE_NOOP("Actions", "Patients and sets…"), "lock", (),
               QT_TRANSLATE_NOOP("Actions", "Which patient is for training, validation or test")),
    ActionInfo("audit_trail", QT_TRANSLATE_NOOP("Actions", "Audit trail…"), "lock", (),
               QT_TRANSLATE_NOOP("Actions", "Who has promoted models and moved patients, and why")),
    ActionInfo("demo_study", QT_TRANSLATE_NOOP("Actions", "Open the demo study"), "layers", (),
               QT_TRANSLATE_NOOP("Actions", "Make a phantom study and open it")),
    ActionInfo("worklist", QT_TRANSLATE_NOOP("Actions", "Worklist"), "", ("F7",), "", True),
    ActionInfo("panels", QT_TRANSLATE_NOOP("Actions", "Panels"), "", ("F8",), "", True),
    ActionInfo("light_theme", QT_TRANSLATE_NOOP("Actions", "Light theme"), "", (), "", True),
    ActionInfo("cache", QT_TRANSLATE_NOOP("Actions", "Memory for slices…"), "settings", (),
               QT_TRANSLATE_NOOP("Actions", "How much memory slices that were read may take")),
    ActionInfo("training_interpreter",
               QT_TRANSLATE_NOOP("Actions", "Training interpreter…"), "settings", (),
               QT_TRANSLATE_NOOP("Actions", "Choose another Python that trains, such as a GPU's")),
    *ANNOTATION_ACTIONS,
    ActionInfo("keys", QT_TRANSLATE_NOOP("Actions", "Keys and mouse…"), "info", ("F1",)),
    ActionInfo("about", QT_TRANSLATE_NOOP("Actions", "About MedSeg Desktop"), "info"),
)  # fmt: skip

#: Menu title -> action keys; "-" is a separator, "recent" the list of what was opened last,
#: "presets" that of the window presets.
MENUS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (QT_TRANSLATE_NOOP("Actions", "&File"),
     ("open_folder", "open_file", "recent", "reload", "file_report", "-", "copy_picture",
      "save_picture", "picture_identity", "-", "save", "autosave", "versions", "-", "quit")),
    (QT_TRANSLATE_NOOP("Actions", "&Edit"),
     ("undo", "redo", "-", "copy_shapes", "paste_shapes", "duplicate_next", "duplicate_previous",
      "delete_shapes", "take_back_point", "select_all", "-", "labels", "smooth_shapes",
      "simplify_shapes", "merge_shapes", "clip_shapes", "to_front", "to_back", "-",
      "annotator")),
    (QT_TRANSLATE_NOOP("Actions", "&Go"),
     ("next_slice", "previous_slice", "first_slice", "last_slice", "-", "next_annotated",
      "previous_annotated", "next_proposal", "previous_proposal", "-", "next_time",
      "previous_time", "play", "-", "next_series", "previous_series", "next_patient",
      "previous_patient")),
    (QT_TRANSLATE_NOOP("Actions", "&View"),
     ("presets", "window_box", "reset_window", "invert", "denoise", "drag_down", "-", "fit",
      "actual_pixels", "smooth", "-", "rotate_right", "rotate_left", "flip_horizontal",
      "flip_vertical", "turn_back", "-", "outlines", "label_map", "-", "identity", "worklist",
      "panels", "light_theme", "-", "cache")),
    (QT_TRANSLATE_NOOP("Actions", "&Draw"),
     ("browse", "tool_edit", "tool_polygon", "tool_rectangle", "tool_circle", "tool_lasso",
      "tool_brush", "tool_eraser", "tool_cut", "-", "brush_smaller", "brush_larger", "snap", "-",
      "reviewed", "reviewed_rest")),
    (QT_TRANSLATE_NOOP("Actions", "&Model"),
     ("predict", "predict_slice", "predict_series", "predict_all", "-", "compare",
      "next_disagreement", "previous_disagreement", "-", "accept", "reject",
      "accept_series", "accept_all", "-", "convert", "patients", "import_model", "audit_trail", "-",
      "training_interpreter")),
    (QT_TRANSLATE_NOOP("Actions", "&Help"), ("keys", "demo_study", "-", "about")),
)  # fmt: skip

#: The menu of a right click on the slice, as above: what is seen of it, how it lies, what lies on
#: it, and pictures of it.
SLICE_MENU = (
    "presets", "reset_window", "window_box", "invert", "denoise", "-", "fit", "actual_pixels", "-",
    "rotate_right", "rotate_left", "flip_horizontal", "flip_vertical", "turn_back", "-",
    "outlines", "label_map", "predict", "compare", "-", "identity", "-", "copy_picture",
    "save_picture",
)  # fmt: skip

#: The same in Draw mode, where the selected shapes come first.
DRAW_MENU = (
    "undo", "redo", "-", "copy_shapes", "paste_shapes", "duplicate_next", "duplicate_previous",
    "delete_shapes", "-", "labels", "smooth_shapes", "simplify_shapes", "merge_shapes",
    "to_front", "to_back", "-", "accept", "reject", "reviewed",
)  # fmt: skip

#: The strip of tools beside the slice, in groups.
TOOLS = (
    ("browse", "tool_edit"),
    ("tool_polygon", "tool_rectangle", "tool_circle", "tool_lasso"),
    ("tool_brush", "tool_eraser", "tool_cut", "snap"),
    ("undo", "redo"),
)

#: Of these, what is on or off beside the tool in use.
SWITCHES = ("snap",)

#: Left and right part of the toolbar; "presets" and "models" are the two choosers.
TOOLBAR_LEFT = (
    "open_folder", "-", "presets", "window_box", "invert", "denoise", "-", "fit", "rotate_right",
    "flip_horizontal", "-", "convert",
)  # fmt: skip
#: Of these the toolbar shows the icon only.
TOOLBAR_ICONS = ("window_box", "fit", "rotate_right", "flip_horizontal")
TOOLBAR_RIGHT = ("compare", "predict", "models")


def make_actions(parent: QWidget) -> dict[str, QAction]:
    """All actions by key, with their shortcuts working in the whole window."""
    actions = {}
    for info in ACTIONS:
        action = QAction(QCoreApplication.translate("Actions", info.text), parent)
        action.setObjectName(info.key)
        action.setCheckable(info.checkable)
        action.setShortcuts([QKeySequence(s) for s in info.shortcuts])
        if info.local:
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        if info.icon:
            set_icon(action, info.icon)
        tip = QCoreApplication.translate("Actions", info.tip or info.text)
        keys = ", ".join(info.shortcuts)
        action.setToolTip(f"{tip} ({keys})" if keys else tip)
        parent.addAction(action)
        actions[info.key] = action
    return actions
