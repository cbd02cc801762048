"""What the check of a dataset found, in the words of the page before a training."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QImage

from medseg_desktop.core.estimate import duration_text
from medseg_desktop.core.finding import LEAK, Finding
from medseg_desktop.core.measurement import LARGEST_BATCH, SMALLEST_BATCH
from medseg_desktop.core.slice_facts import share_text, size_text
from medseg_desktop.core.split import SET_NAMES
from medseg_desktop.io.preflight import Preflight, SetNumbers
from medseg_desktop.qt.panels.check_report import CheckReport, Problem, Rows

_NONE = "–"  # noqa: RUF001 - a dash, as tables have it


def tr(text: str) -> str:
    return QCoreApplication.translate("Training", text)


def check_report(
    found: Preflight, sheet: QImage | None = None, unmeasured: Finding | None = None
) -> CheckReport:
    """The report of the page.

    Args:
        unmeasured: why nothing could be measured.
    """
    sets = [found.sets[name] for name in SET_NAMES]
    problems = [Problem(p.message, p.cure, blocks=True) for p in found.problems]
    # What is wrong with the start is told by the line on the split.
    problems += [Problem(w.message, w.cure) for w in found.warnings if w.kind != LEAK]
    if unmeasured is not None:
        problems.append(Problem(unmeasured.message, unmeasured.cure))
    line, is_good, cure = _split_line(found)
    return CheckReport(
        columns=(tr("Train"), tr("Validation"), tr("Test")),
        rows=(
            (tr("Patients"), tuple(str(s.patients) for s in sets)),
            (tr("Slices"), tuple(f"{s.slices:,}" for s in sets)),
            (tr("With lesion"), tuple(f"{s.slices_with_lesion:,}" for s in sets)),
            *_lesion_rows(sets),
        ),
        balance=_balance(sets),
        split_line=line,
        split_ok=is_good,
        split_cure=cure,
        needs_title=_needs_title(found),
        needs=_needs(found),
        problems=tuple(problems),
        notes=tuple(f"{note.message} {note.cure}".strip() for note in found.notes),
        sheet=sheet,
    )


def unusable_report(message: str, cure: str) -> CheckReport:
    """The report on a dataset that cannot even be opened."""
    return CheckReport(
        split_line=tr("The dataset cannot be used."),
        split_ok=False,
        problems=(Problem(message, cure, blocks=True),),
    )


def _lesion_rows(sets: list[SetNumbers]) -> Rows:
    lesions = [s.lesions for s in sets if s.lesions is not None]
    if len(lesions) < len(sets):
        return ()

    def sizes(name: str) -> tuple[str, ...]:
        return tuple(size_text(getattr(x, name), x.unit) if x.number else _NONE for x in lesions)

    return (
        (tr("Lesions"), tuple(f"{x.number:,}" for x in lesions)),
        (tr("Smallest lesion"), sizes("smallest")),
        (tr("Median lesion"), sizes("median")),
        (tr("Largest lesion"), sizes("largest")),
    )


def _balance(sets: list[SetNumbers]) -> Rows:
    rows: list[tuple[str, tuple[str, ...]]] = []
    for label in sets[0].shares:
        shares = [s.shares[label] if s.slices else None for s in sets]
        for caption, name in (
            (tr("{label}, of pixels"), "pixels"),
            (tr("{label}, of slices"), "slices"),
        ):
            texts = (_NONE if x is None else share_text(getattr(x, name)) for x in shares)
            rows.append((caption.format(label=label), tuple(texts)))
    return tuple(rows)


def _split_line(found: Preflight) -> tuple[str, bool | None, str]:
    """The proof that the training knows nothing of what it is tested on, or what is wrong.

    Returns:
        The sentence, whether it is good news (None: not settled), and what to do.
    """
    in_val, in_test = found.trained_on["val"], found.trained_on["test"]
    if in_val or in_test:
        line = tr(
            "{in_val} of {val} validation and {in_test} of {test} test patients are in the "
            "training set."
        )
        val, test = found.sets["val"].patients, found.sets["test"].patients
        return line.format(in_val=in_val, val=val, in_test=in_test, test=test), False, ""
    start = found.start
    if start is not None and start.seen:
        line = tr("{seen} of {test} test patients were seen by {model}, which this training "
                  "starts from.")  # fmt: skip
        test = found.sets["test"].patients
        cure = tr(
            "Start from another model, or from none; else the new model cannot be compared with "
            "others on these patients."
        )
        return line.format(seen=start.seen, test=test, model=start.title), False, cure
    if found.leaks:
        return tr("A slice or series is in two sets."), False, ""
    unknown = start is not None and start.seen is None and found.sets["test"].patients > 0
    return _proof(found), True if found.pixels_read and not unknown else None, ""


def _proof(found: Preflight) -> str:
    """What is known so far, when nothing is wrong."""
    test, start = found.sets["test"].patients, found.start
    if not test:
        if found.pixels_read:
            return tr("No patient, slice or picture is in two sets.")
        return tr("No patient is in two sets.")
    is_known = start is None or start.seen is not None
    line = unseen_text(test, start.title if start else "", is_known=is_known)
    return f"{line} {tr('No slice or picture is in two sets.')}" if found.pixels_read else line


def unseen_text(test: int, start: str, *, is_known: bool) -> str:
    """That no training sees a test patient.

    Args:
        test: how many test patients there are.
        start: title of the model that the training starts from; "" for none.
        is_known: whom that model has seen.
    """
    if not start:
        line = tr("0 of {test} test patients seen in training.")
    elif is_known:
        line = tr("0 of {test} test patients seen in training or by {model}, which it starts from.")
    else:
        line = tr("0 of {test} test patients seen in training; what {model} has seen is unknown.")
    return line.format(test=test, model=start)


def _needs_title(found: Preflight) -> str:
    if found.measured is None:
        return tr("On this computer, roughly estimated")
    if found.measured.device == "gpu":
        return tr("On this computer, measured on the GPU")
    return tr("On this computer, measured on the CPU")


def _needs(found: Preflight) -> tuple[tuple[str, str], ...]:
    rows: list[tuple[str, str]] = []
    measured = found.measured
    free_mb = found.free_mb if measured is None else measured.available_mb
    duration = duration_text(found.estimate_s)
    if measured is None:
        rows.append((tr("Time"), tr("about {time}").format(time=duration)))
    else:
        text = tr("about {time}, {seconds:.2f} s a step")
        rows.append((tr("Time"), text.format(time=duration, seconds=measured.step_s)))
    rows.append((tr("Memory"), _of_free(found.memory_mb, free_mb)))
    if measured is not None and measured.fitting_batch is not None:
        fits = measured.fitting_batch
        if fits >= LARGEST_BATCH:
            text = tr("{size} or more").format(size=LARGEST_BATCH)
        else:
            text = str(fits) if fits >= SMALLEST_BATCH else tr("none")
        rows.append((tr("Largest batch"), text))
    rows.append((tr("Disk"), _of_free(found.disk_mb, found.disk_free_mb)))
    return tuple(rows)


def _of_free(needed_mb: int, free_mb: int | None) -> str:
    if free_mb is None:
        return _amount(needed_mb)
    return tr("{needed} of {free} free").format(needed=_amount(needed_mb), free=_amount(free_mb))


def _amount(mb: int) -> str:
    """E.g. "168 MB", "20.6 GB"."""
    return f"{mb} MB" if mb < 1000 else f"{mb / 1000:.1f} GB"
