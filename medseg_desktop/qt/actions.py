"""Actions, menus and the toolbar as data; the main window only walks them."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from medseg_desktop.qt.theme.icons import set_icon


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:
    """Marks a text for translation, as Qt's macro of this name does (typed, unlike PySide's)."""
    return text


@dataclass(frozen=True, slots=True)
class ActionInfo:
    """One action; `shortcuts` are key sequences, the first of which is shown in menus."""

    key: str
    text: str
    icon: str = ""
    shortcuts: tuple[str, ...] = ()
    tip: str = ""
    checkable: bool = False


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
    ActionInfo("next_series", QT_TRANSLATE_NOOP("Actions", "Next series"), "", ("PgDown",)),
    ActionInfo("previous_series", QT_TRANSLATE_NOOP("Actions", "Previous series"), "", ("PgUp",)),
    ActionInfo("reset_window", QT_TRANSLATE_NOOP("Actions", "Reset window"), "reset", ("R",),
               QT_TRANSLATE_NOOP("Actions", "Back to the window of the series")),
    ActionInfo("invert", QT_TRANSLATE_NOOP("Actions", "Invert"), "invert", ("I",),
               QT_TRANSLATE_NOOP("Actions", "Swap black and white"), True),
    ActionInfo("fit", QT_TRANSLATE_NOOP("Actions", "Fit"), "fit", ("F",),
               QT_TRANSLATE_NOOP("Actions", "Show the whole slice")),
    ActionInfo("identity", QT_TRANSLATE_NOOP("Actions", "Show patient"), "eye", ("Ctrl+H",),
               QT_TRANSLATE_NOOP("Actions", "Show or hide who the patient is"), True),
    ActionInfo("convert", QT_TRANSLATE_NOOP("Actions", "Make a dataset…"), "convert", (),
               QT_TRANSLATE_NOOP("Actions", "Convert reviewed slices into a training set")),
    ActionInfo("predict", QT_TRANSLATE_NOOP("Actions", "Predict"), "predict", ("Ctrl+P",),
               QT_TRANSLATE_NOOP("Actions", "Show what the model finds"), True),
    ActionInfo("import_model", QT_TRANSLATE_NOOP("Actions", "Import a model…"), "model"),
    ActionInfo("demo_study", QT_TRANSLATE_NOOP("Actions", "Open the demo study"), "layers", (),
               QT_TRANSLATE_NOOP("Actions", "Make a phantom study and open it")),
    ActionInfo("worklist", QT_TRANSLATE_NOOP("Actions", "Worklist"), "", ("F7",), "", True),
    ActionInfo("panels", QT_TRANSLATE_NOOP("Actions", "Panels"), "", ("F8",), "", True),
    ActionInfo("light_theme", QT_TRANSLATE_NOOP("Actions", "Light theme"), "", (), "", True),
    ActionInfo("training_interpreter",
               QT_TRANSLATE_NOOP("Actions", "Training interpreter…"), "settings", (),
               QT_TRANSLATE_NOOP("Actions", "Choose another Python that trains, such as a GPU's")),
    ActionInfo("about", QT_TRANSLATE_NOOP("Actions", "About MedSeg Desktop"), "info"),
)  # fmt: skip

#: Menu title -> action keys; "-" is a separator, "recent" the list of recent folders.
MENUS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (QT_TRANSLATE_NOOP("Actions", "&File"),
     ("open_folder", "open_file", "recent", "reload", "file_report", "-", "quit")),
    (QT_TRANSLATE_NOOP("Actions", "&View"),
     ("next_slice", "previous_slice", "first_slice", "last_slice", "-", "next_annotated",
      "previous_annotated", "-", "next_series", "previous_series", "-", "reset_window", "invert",
      "fit", "identity", "-", "worklist", "panels", "light_theme")),
    (QT_TRANSLATE_NOOP("Actions", "&Model"),
     ("convert", "predict", "import_model", "-", "training_interpreter")),
    (QT_TRANSLATE_NOOP("Actions", "&Help"), ("demo_study", "-", "about")),
)  # fmt: skip

#: Left and right part of the toolbar; "presets" and "models" are the two choosers.
TOOLBAR_LEFT = ("open_folder", "-", "presets", "invert", "fit", "-", "convert")
TOOLBAR_RIGHT = ("predict", "models")


def make_actions(parent: QWidget) -> dict[str, QAction]:
    """All actions by key, with their shortcuts working in the whole window."""
    actions = {}
    for info in ACTIONS:
        action = QAction(QCoreApplication.translate("Actions", info.text), parent)
        action.setObjectName(info.key)
        action.setCheckable(info.checkable)
        action.setShortcuts([QKeySequence(s) for s in info.shortcuts])
        if info.icon:
            set_icon(action, info.icon)
        tip = QCoreApplication.translate("Actions", info.tip or info.text)
        keys = ", ".join(info.shortcuts)
        action.setToolTip(f"{tip} ({keys})" if keys else tip)
        parent.addAction(action)
        actions[info.key] = action
    return actions
