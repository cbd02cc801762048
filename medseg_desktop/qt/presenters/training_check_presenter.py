"""The check before a training: numbers at once, then every pixel, then a measurement."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtGui import QImage

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.finding import Finding
from medseg_desktop.core.measurement import Measurement
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.specs import MeasureSpec, TrainSpec
from medseg_desktop.io.dataset import read_dataset
from medseg_desktop.io.dataset_scan import Scan, scan_pixels
from medseg_desktop.io.preflight import Preflight, check_training
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.dialogs.picture_dialog import show_picture
from medseg_desktop.qt.panels.training_form import TrainForm
from medseg_desktop.qt.panels.training_panel import TrainingPanel
from medseg_desktop.qt.presenters.check_texts import check_report, unusable_report
from medseg_desktop.qt.sessions.runs import RunSession

#: Progress is shown this often, in seconds.
_REPORT_S = 0.05


def tr(text: str) -> str:
    return QCoreApplication.translate("Training", text)


class _Check:
    """One check, from the press of the button until another one is asked for."""

    def __init__(self, spec: TrainSpec) -> None:
        self.spec = spec
        self.cancelled = threading.Event()
        self.found: Preflight | None = None
        self.sheet: QImage | None = None
        self.has_asked_for_sheet = False
        self.unmeasured: Finding | None = None
        self.measuring: MeasureSpec | None = None


class TrainingCheckPresenter(QObject):
    """Between the page before a training and the dataset it would use.

    Args:
        spec_of: the training that a filled-in form means.
    """

    def __init__(
        self,
        panel: TrainingPanel,
        runs: RunSession,
        spec_of: Callable[[TrainForm], TrainSpec],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._runs, self._spec_of = panel, runs, spec_of
        self._background = Background(1, "preflight", self)
        self._current: _Check | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._scanned: tuple[str, Scan] | None = None
        panel.check_requested.connect(self.check)
        panel.checked.back_requested.connect(self.cancel)
        panel.checked.cancel_requested.connect(self._stop)
        panel.checked.sheet_opened.connect(self._show_large)
        runs.measurements.changed.connect(self._on_measurement)

    # -- what others ask for

    def check(self, form: TrainForm) -> None:
        """Check the dataset for the training that the form describes, and show the page."""
        self.cancel()
        check = self._current = _Check(self._spec_of(form))

        def work() -> Preflight:
            dataset = read_dataset(Path(check.spec.dataset))
            first = check_training(dataset, check.spec)
            self._background.deliver(lambda: self._show_first(check, first))
            scan = scan_pixels(dataset, self._reporter(check), check.cancelled.is_set)
            self._scanned = (dataset.digest, scan)
            return check_training(dataset, check.spec, scan)

        self._background.submit(
            work,
            lambda found: self._show_pixels(check, found),
            lambda error: self._show_unusable(check, error),
        )

    def require(
        self, spec: TrainSpec, done: Callable[[], None], failed: Callable[[MedSegError], None]
    ) -> None:
        """Call `done` when nothing would waste this training, else `failed`.

        The pixels are read unless the check has read those of this dataset just now.
        """
        self.cancel()

        def work() -> None:
            dataset = read_dataset(Path(spec.dataset))
            known = self._scanned
            if known is None or known[0] != dataset.digest:
                known = (
                    dataset.digest,
                    scan_pixels(dataset, None, lambda: self._background.closed),
                )
            self._scanned = None  # the next training looks anew
            check_training(dataset, spec, known[1]).require()

        self._background.submit(work, lambda _: done(), failed)

    def cancel(self) -> None:
        """Nobody waits for the check any more."""
        if self._current is not None:
            self._current.cancelled.set()
            self._current = None
        self._runs.measurements.stop()

    # -- numbers

    def _reporter(self, check: _Check) -> Callable[[int, int], None]:
        """Tells the page how many slices were read, but not each of them."""
        last_s = 0.0

        def report(done: int, total: int) -> None:
            nonlocal last_s
            now_s = time.monotonic()
            if now_s - last_s >= _REPORT_S or done == total:
                last_s = now_s
                self._background.deliver(lambda: self._show_reading(check, done, total))

        return report

    def _is_current(self, check: _Check) -> bool:
        return check is self._current and not check.cancelled.is_set()

    def _show_first(self, check: _Check, found: Preflight) -> None:
        if self._is_current(check):
            check.found = found
            self._panel.checked.set_work(tr("Reading the slices"), 0, 0)
            self._show(check)
            # The pressed button is gone; no key may start a training by accident.
            self._panel.checked.back.setFocus()

    def _show_reading(self, check: _Check, done: int, total: int) -> None:
        if self._is_current(check):
            text = tr("Reading slice {done} of {total}").format(
                done=f"{done:,}", total=f"{total:,}"
            )
            self._panel.checked.set_work(text, done, total)

    def _show_pixels(self, check: _Check, found: Preflight) -> None:
        if not self._is_current(check):
            return
        check.found = found
        if found.may_start:
            self._measure(check)
        else:
            self._panel.checked.set_done(self._summary(check))
        self._show(check)

    def _show_unusable(self, check: _Check, error: MedSegError) -> None:
        if self._is_current(check):
            self._panel.checked.set_done("")
            self._panel.set_checked(unusable_report(error.message, error.hint))
            self._panel.checked.set_done("")

    def _show(self, check: _Check) -> None:
        if check.found is not None:
            self._panel.set_checked(check_report(check.found, check.sheet, check.unmeasured))

    # -- measurement

    def _measure(self, check: _Check) -> None:
        """Draw the samples and measure; not while a training runs, which it would slow down."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="medseg-sheet-")
        sheet = Path(self._folder.name) / f"{id(check)}-{time.monotonic_ns()}.png"
        steps = 0 if self._runs.is_training else MeasureSpec(train=check.spec).steps
        check.measuring = MeasureSpec(train=check.spec, sheet=str(sheet), steps=steps)
        self._panel.checked.set_work(tr("Drawing samples"), 0, 0)
        self._runs.measurements.start(check.measuring)

    def _on_measurement(self, spec: MeasureSpec, run: RunState) -> None:
        check = self._current
        if check is None or spec is not check.measuring or not self._is_current(check):
            return
        is_drawn = run.phase == "measure" or run.is_over
        if is_drawn and not check.has_asked_for_sheet:
            check.has_asked_for_sheet = True
            self._background.submit(
                lambda: QImage(spec.sheet), lambda image: self._show_sheet(check, image)
            )
        if not run.is_over:
            if run.phase == "measure":
                text = tr("Measuring a few steps") if run.total else tr("Starting PaddlePaddle")
                self._panel.checked.set_work(text, run.done, run.total)
            return
        self._take(check, run)
        self._panel.checked.set_done(self._summary(check))
        self._show(check)

    def _take(self, check: _Check, run: RunState) -> None:
        """What the ended measurement told."""
        assert check.found is not None
        if run.status is RunStatus.FAILED:
            text = tr("Nothing could be measured: {reason}").format(reason=run.message)
            check.unmeasured = Finding(text, run.hint)
        elif run.result.get("measured"):
            measured = msgspec.convert(run.result["measured"], Measurement)
            check.found = check.found.with_measurement(measured)

    def _show_sheet(self, check: _Check, image: QImage) -> None:
        if self._is_current(check) and not image.isNull():
            check.sheet = image
            self._show(check)

    def _summary(self, check: _Check) -> str:
        found = check.found
        if found is None or not found.pixels_read:
            return tr("Stopped before every slice was read.")
        slices = sum(numbers.slices for numbers in found.sets.values())
        if self._runs.is_training and found.measured is None:
            return tr("Not measured, because a training is running.")
        return tr("Looked at all {slices} slices.").format(slices=f"{slices:,}")

    def _stop(self) -> None:
        """The user does not want to wait; what is known stays on the page."""
        check = self._current
        if check is None:
            return
        check.cancelled.set()
        self._runs.measurements.stop()
        self._panel.checked.set_done(self._summary(check))

    def _show_large(self, image: QImage) -> None:
        show_picture(
            self._panel.window(),
            tr("What the network will see"),
            image,
            tr("The first slices of this training, changed at random as the recipe says."),
        )

    # -- the end

    def quit(self) -> None:
        """Begin no more work; does not wait for the thread."""
        self.cancel()
        self._background.quit()

    def close(self) -> None:
        """End the thread, and remove what was drawn."""
        self.quit()
        self._background.close()
        if self._folder is not None:
            self._folder.cleanup()
