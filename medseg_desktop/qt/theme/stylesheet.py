"""The one stylesheet, built from tokens.

Widgets choose a variant with dynamic properties: `primary` (the one main button of a panel),
`quiet` (a button without a surface), `danger`, `invalid` (a line with a text that cannot be
taken), and on labels `role` = "title", "muted", "number", "caution", "bad" or "good".
"""

from __future__ import annotations

from medseg_desktop.qt.theme.tokens import (
    CONTROL_HEIGHT,
    CORNER,
    PRIMARY_HEIGHT,
    SECONDARY_PX,
    TITLE_PX,
    Tokens,
)

# Heights in a stylesheet are without border and padding.
_INNER = CONTROL_HEIGHT - 2


def stylesheet(t: Tokens) -> str:
    """Everything that Fusion does not do by itself."""
    return "\n".join(
        (
            _labels(t),
            _buttons(t),
            _inputs(t),
            _checks(t),
            _sliders(t),
            _views(t),
            _tabs(t),
            _menus(t),
            _frames(t),
        )
    )


def _labels(t: Tokens) -> str:
    return f"""
QMainWindow, QDialog {{ background: {t.panel}; }}
QLabel {{ background: transparent; }}
QLabel:disabled {{ color: {t.disabled}; }}
QLabel[role="title"] {{ font-size: {TITLE_PX}px; font-weight: 600; }}
QLabel[role="section"] {{ font-size: {SECONDARY_PX}px; font-weight: 600; color: {t.muted}; }}
QLabel[role="muted"] {{ font-size: {SECONDARY_PX}px; color: {t.muted}; }}
QLabel[role="muted"]:disabled {{ color: {t.disabled}; }}
QLabel[role="number"] {{ font-size: 22px; font-weight: 600; }}
QLabel[role="caution"] {{ font-size: {SECONDARY_PX}px; color: {t.caution}; }}
QLabel[role="bad"] {{ color: {t.bad}; }}
QLabel[role="good"] {{ color: {t.good}; }}
QToolTip {{
    background: {t.raised}; color: {t.text}; border: 1px solid {t.edge}; padding: 4px 8px;
}}
"""


def _buttons(t: Tokens) -> str:
    return f"""
QPushButton, QToolButton {{
    background: {t.raised}; color: {t.text}; border: 1px solid {t.line};
    border-radius: {CORNER}px; min-height: {_INNER}px; padding: 0 12px;
}}
QToolButton {{ padding: 0 8px; }}
QPushButton:hover, QToolButton:hover {{ background: {t.hover}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {t.line}; }}
QPushButton:focus, QToolButton:focus {{ border: 1px solid {t.accent}; }}
QPushButton:disabled, QToolButton:disabled {{
    color: {t.disabled}; background: transparent; border-color: {t.line};
}}
QPushButton:checked, QToolButton:checked {{ background: {t.selection}; border-color: {t.accent}; }}
QPushButton[primary="true"] {{
    background: {t.accent}; color: {t.on_accent}; border: 1px solid {t.accent};
    min-height: {PRIMARY_HEIGHT - 2}px; padding: 0 16px; font-weight: 600;
}}
QPushButton[primary="true"]:hover {{ background: {t.accent_hover}; }}
QPushButton[primary="true"]:focus {{ border: 2px solid {t.text};
    min-height: {PRIMARY_HEIGHT - 4}px; padding: 0 15px; }}
QPushButton[primary="true"]:disabled {{
    background: {t.raised}; color: {t.disabled}; border: 1px solid {t.line};
}}
QDialog QPushButton[primary="true"] {{ min-height: {_INNER}px; }}
QDialog QPushButton[primary="true"]:focus {{ min-height: {_INNER - 2}px; }}
QPushButton[quiet="true"], QToolButton[quiet="true"] {{
    background: transparent; border: 1px solid transparent;
}}
QPushButton[quiet="true"]:hover, QToolButton[quiet="true"]:hover {{ background: {t.hover}; }}
QPushButton[quiet="true"]:focus, QToolButton[quiet="true"]:focus {{ border-color: {t.accent}; }}
QPushButton[link="true"] {{
    background: transparent; border: 1px solid transparent; color: {t.accent}; padding: 0 4px;
}}
QPushButton[link="true"]:hover {{ text-decoration: underline; }}
QPushButton[link="true"]:focus {{ border-color: {t.accent}; }}
QToolButton[bare="true"] {{
    background: transparent; border: 1px solid transparent; padding: 0;
    min-width: 22px; max-width: 22px; min-height: 22px; max-height: 22px;
}}
QToolButton[bare="true"]:hover {{ background: {t.hover}; }}
QToolButton[bare="true"]:focus {{ border-color: {t.accent}; }}
QToolButton[bare="true"]:checked {{ background: transparent; border-color: transparent; }}
QToolButton[bare="true"]:checked:focus {{ border-color: {t.accent}; }}
QPushButton[section="true"] {{
    background: transparent; border: 1px solid transparent; padding: 0 4px 0 0; text-align: left;
    color: {t.muted}; font-size: {SECONDARY_PX}px; font-weight: 600;
}}
QPushButton[section="true"]:hover {{ color: {t.text}; }}
QPushButton[section="true"]:checked {{ background: transparent; }}
QPushButton[section="true"]:focus {{ border-color: {t.accent}; }}
QLineEdit > QToolButton {{
    background: transparent; border: none; padding: 0; min-height: 18px; max-height: 18px;
}}
QToolButton::menu-indicator {{ image: none; }}
"""


def _inputs(t: Tokens) -> str:
    pictures = f"style{t.name}:"
    fields = "QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox"
    focused = ", ".join(f"{name}:focus" for name in fields.split(", "))
    disabled = ", ".join(f"{name}:disabled" for name in fields.split(", "))
    return f"""
{fields} {{
    background: {t.raised}; color: {t.text}; border: 1px solid {t.line};
    border-radius: {CORNER}px; min-height: {_INNER}px; padding: 0 8px;
    selection-background-color: {t.accent}; selection-color: {t.on_accent};
}}
QComboBox {{ padding-right: 4px; }}
QComboBox:hover, QLineEdit:hover, QSpinBox:hover, QDoubleSpinBox:hover {{
    border-color: {t.edge};
}}
{focused} {{ border: 1px solid {t.accent}; }}
{disabled} {{ color: {t.disabled}; background: transparent; }}
QLineEdit[invalid="true"], QLineEdit[invalid="true"]:focus {{ border: 1px solid {t.caution}; }}
QComboBox::drop-down {{ border: none; width: 20px; }}
QComboBox::down-arrow {{ image: url({pictures}chevron-down.svg); width: 14px; height: 14px; }}
QComboBox::down-arrow:disabled {{ image: url({pictures}chevron-down-disabled.svg); }}
QComboBox QAbstractItemView {{
    background: {t.raised}; border: 1px solid {t.edge}; padding: 4px; outline: none;
    selection-background-color: {t.selection}; selection-color: {t.text};
}}
QComboBox QAbstractItemView::item {{ min-height: 26px; padding: 0 6px; border-radius: 4px; }}
QSpinBox::up-button, QDoubleSpinBox::up-button {{
    subcontrol-origin: border; subcontrol-position: top right; width: 18px; border: none;
    background: transparent;
}}
QSpinBox::down-button, QDoubleSpinBox::down-button {{
    subcontrol-origin: border; subcontrol-position: bottom right; width: 18px; border: none;
    background: transparent;
}}
QDoubleSpinBox[plain="true"] {{ padding: 0; }}
QDoubleSpinBox[plain="true"]::up-button, QDoubleSpinBox[plain="true"]::down-button {{
    width: 0; image: none;
}}
QDoubleSpinBox[plain="true"]::up-arrow, QDoubleSpinBox[plain="true"]::down-arrow {{
    image: none; width: 0; height: 0;
}}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {{
    image: url({pictures}chevron-up.svg); width: 12px; height: 12px;
}}
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {{
    image: url({pictures}chevron-down.svg); width: 12px; height: 12px;
}}
QPlainTextEdit, QTextEdit {{
    background: {t.window}; color: {t.text}; border: 1px solid {t.line};
    border-radius: {CORNER}px; padding: 4px;
    selection-background-color: {t.accent}; selection-color: {t.on_accent};
}}
QPlainTextEdit[input="true"] {{ background: {t.raised}; padding: 2px 4px; }}
QPlainTextEdit:focus, QTextEdit:focus {{ border-color: {t.accent}; }}
"""


def _checks(t: Tokens) -> str:
    pictures = f"style{t.name}:"
    box = "QCheckBox::indicator, QAbstractItemView::indicator"
    return f"""
QCheckBox, QRadioButton {{ spacing: 8px; min-height: 24px; background: transparent;
    border: 1px solid transparent; border-radius: 4px; }}
QCheckBox:disabled, QRadioButton:disabled {{ color: {t.disabled}; }}
QCheckBox:focus, QRadioButton:focus {{ border-color: {t.accent}; }}
{box} {{
    width: 14px; height: 14px; border: 1px solid {t.edge}; border-radius: 4px;
    background: {t.raised};
}}
QCheckBox::indicator:hover, QAbstractItemView::indicator:hover {{ border-color: {t.accent}; }}
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked {{
    background: {t.accent}; border-color: {t.accent}; image: url({pictures}check.svg);
}}
QCheckBox::indicator:indeterminate, QAbstractItemView::indicator:indeterminate {{
    background: {t.accent}; border-color: {t.accent}; image: url({pictures}dash.svg);
}}
QCheckBox::indicator:disabled {{ background: transparent; border-color: {t.line}; }}
QCheckBox::indicator:checked:disabled, QAbstractItemView::indicator:checked:disabled {{
    background: transparent; border-color: {t.line}; image: url({pictures}check-disabled.svg);
}}
QAbstractItemView::indicator:disabled {{ background: transparent; border-color: {t.line}; }}
QRadioButton::indicator {{
    width: 14px; height: 14px; border: 1px solid {t.edge}; border-radius: 8px;
    background: {t.raised};
}}
QRadioButton::indicator:hover {{ border-color: {t.accent}; }}
QRadioButton::indicator:checked {{
    border: 5px solid {t.accent}; width: 6px; height: 6px; background: {t.on_accent};
}}
QRadioButton::indicator:disabled {{ background: transparent; border-color: {t.line}; }}
"""


def _sliders(t: Tokens) -> str:
    return f"""
QSlider {{ min-height: 24px; }}
QSlider::groove:horizontal {{ height: 4px; border-radius: 2px; background: {t.track}; }}
QSlider::sub-page:horizontal {{ height: 4px; border-radius: 2px; background: {t.accent}; }}
QSlider[plain="true"]::sub-page:horizontal {{ background: {t.track}; }}
QSlider::handle:horizontal {{
    width: 12px; height: 12px; margin: -5px 0; border-radius: 7px;
    background: {t.text}; border: 1px solid {t.panel};
}}
QSlider::handle:horizontal:hover {{ background: {t.accent_hover}; }}
QSlider::handle:horizontal:focus {{
    background: {t.accent}; border: 1px solid {t.text};
}}
QSlider::sub-page:horizontal:disabled {{ background: {t.track}; }}
QSlider::handle:horizontal:disabled {{ background: {t.disabled}; }}
QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 12px; margin: 0; }}
QScrollBar::handle {{ background: {t.track}; border-radius: 4px; margin: 2px; }}
QScrollBar::handle:vertical {{ min-height: 32px; }}
QScrollBar::handle:horizontal {{ min-width: 32px; }}
QScrollBar::handle:hover {{ background: {t.edge}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; border: none; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
"""


def _views(t: Tokens) -> str:
    return f"""
QAbstractScrollArea {{ background: {t.panel}; }}
QScrollArea, QScrollArea > QWidget > QWidget#scrollContent {{
    background: {t.panel}; border: none;
}}
QTreeView, QListView, QTableView {{
    background: {t.panel}; border: 1px solid transparent; border-radius: {CORNER}px;
    outline: none; selection-background-color: {t.selection}; selection-color: {t.text};
    gridline-color: {t.line};
}}
QTreeView:focus, QListView:focus, QTableView:focus {{ border-color: {t.accent}; }}
QTreeView::item, QListView::item, QTableView::item {{ padding: 0 4px; min-height: 26px; }}
QTreeView::item:hover, QListView::item:hover, QTableView::item:hover {{ background: {t.raised}; }}
QTreeView::item:selected, QListView::item:selected, QTableView::item:selected {{
    background: {t.selection}; color: {t.text};
}}
QTreeView#worklist, QTreeView#worklist::item, QTreeView#worklist::item:hover,
QTreeView#worklist::item:selected, QTreeView#worklist::branch {{
    background: transparent; selection-background-color: transparent;
}}
QListView[framed="true"], QTreeView[framed="true"] {{
    background: {t.well}; border: 1px solid {t.line};
}}
QListView[framed="true"]:focus, QTreeView[framed="true"]:focus {{ border-color: {t.accent}; }}
QTreeView[well="true"] {{ background: {t.well}; }}
QTreeView[well="true"] QHeaderView, QTreeView[well="true"] QHeaderView::section {{
    background: {t.well};
}}
QHeaderView, QHeaderView::section {{
    background: {t.panel}; color: {t.muted}; border: none; font-size: {SECONDARY_PX}px;
}}
QHeaderView::section {{ padding: 2px 4px; border-bottom: 1px solid {t.line}; }}
QHeaderView#rowTable::section {{ padding: 2px 7px; }}
"""


def _tabs(t: Tokens) -> str:
    return f"""
QTabWidget::pane {{ border: none; border-top: 1px solid {t.line}; background: {t.panel}; }}
QTabBar {{ background: {t.panel}; qproperty-drawBase: 0; }}
QTabBar::tab {{
    background: transparent; color: {t.muted}; border: none;
    border-bottom: 2px solid transparent; min-height: 34px; padding: 0 12px;
}}
QTabBar::tab:hover {{ color: {t.text}; }}
QTabBar::tab:selected {{ color: {t.text}; border-bottom: 2px solid {t.accent}; }}
QTabBar::tab:focus {{ background: {t.raised}; }}
QTabBar::tab:disabled {{ color: {t.disabled}; }}
QSplitter::handle {{ background: {t.line}; }}
QSplitter::handle:horizontal {{ width: 1px; }}
QSplitter::handle:vertical {{ height: 1px; }}
QSplitter::handle:hover {{ background: {t.accent}; }}
QToolBar {{
    background: {t.panel}; border: none; border-bottom: 1px solid {t.line};
    spacing: 4px; padding: 4px 8px;
}}
QToolBar::separator {{ background: {t.line}; width: 1px; margin: 6px 4px; }}
QToolBar QToolButton {{ background: transparent; border-color: transparent; }}
QToolBar QToolButton:hover {{ background: {t.hover}; }}
QToolBar QToolButton:focus {{ border-color: {t.accent}; }}
QToolBar QToolButton:checked {{ background: {t.selection}; border-color: {t.selection}; }}
QToolBar QToolButton:disabled {{ background: transparent; border-color: transparent; }}
QStatusBar {{ background: {t.panel}; color: {t.muted}; border-top: 1px solid {t.line}; }}
QStatusBar::item {{ border: none; }}
QDockWidget {{ color: {t.text}; }}
"""


def _menus(t: Tokens) -> str:
    return f"""
QMenuBar {{ background: {t.panel}; color: {t.text}; }}
QMenuBar::item {{ padding: 4px 8px; background: transparent; border-radius: 4px; }}
QMenuBar::item:selected {{ background: {t.hover}; }}
QMenu {{ background: {t.raised}; border: 1px solid {t.edge}; padding: 4px; }}
QMenu::item {{ min-height: 24px; padding: 0 24px 0 12px; border-radius: 4px; }}
QMenu::item:selected {{ background: {t.selection}; }}
QMenu::item:disabled {{ color: {t.disabled}; }}
QMenu::icon {{ padding-left: 8px; }}
QMenu::icon:checked {{ background: {t.selection}; border-radius: 4px; }}
QMenu::separator {{ height: 1px; background: {t.line}; margin: 4px 8px; }}
"""


def _frames(t: Tokens) -> str:
    """Named parts of our own widgets."""
    return f"""
QFrame[separator="true"] {{
    background: {t.line}; border: none; max-height: 1px; min-height: 1px;
}}
QFrame#messageBar {{ background: {t.raised}; border: none; border-bottom: 1px solid {t.line}; }}
QFrame#messageBar[level="warning"] {{ border-left: 3px solid {t.caution}; }}
QFrame#messageBar[level="error"] {{ border-left: 3px solid {t.bad}; }}
QFrame#messageBar[level="info"] {{ border-left: 3px solid {t.accent}; }}
QFrame#messageBar[level="success"] {{ border-left: 3px solid {t.good}; }}
QLabel#dropHint {{
    background: #c0{t.window[1:]}; border: 2px solid {t.accent}; font-size: {TITLE_PX}px;
}}
QFrame#toolStrip {{ background: {t.panel}; border: none; border-right: 1px solid {t.line}; }}
QFrame#toolStrip QToolButton {{
    background: transparent; border: 1px solid transparent; padding: 0;
    min-width: 30px; max-width: 30px; min-height: 26px; max-height: 26px;
}}
QFrame#toolStrip QToolButton:hover {{ background: {t.hover}; }}
QFrame#toolStrip QToolButton:checked {{
    background: {t.selection}; border-color: {t.accent};
}}
QFrame#toolStrip QToolButton[switch="true"]:checked {{
    background: transparent; border-color: {t.edge};
}}
QFrame#toolStrip QToolButton#brushSize {{ color: {t.text}; font-size: {SECONDARY_PX}px; }}
QFrame#toolStrip QToolButton#brushSize:disabled {{ color: {t.disabled}; }}
QFrame#slicePanel {{ background: {t.panel}; border: none; border-bottom: 1px solid {t.line}; }}
QLabel[step="true"] {{
    background: {t.raised}; color: {t.muted}; border-radius: 12px; font-weight: 600;
    min-width: 24px; max-width: 24px; min-height: 24px; max-height: 24px;
}}
QLabel[step="true"][done="true"] {{ background: {t.good}; color: {t.window}; }}
QLabel[step="true"][now="true"] {{ background: {t.accent}; color: {t.on_accent}; }}
"""
