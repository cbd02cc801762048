"""What forbids a retraining, and what should be known before it, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from medseg_desktop.core.finding import Finding, counted
from medseg_desktop.core.retraining.news import UNDRAWN, Basis, TrainingNews
from medseg_desktop.core.split import TEST_MINIMUM_PATIENTS

#: Where less than this many times what is written is free, the disk may become full.
_DISK_MARGIN = 2
#: Kind of a finding that nothing has changed since the champion.
NOTHING_NEW = "nothing new"


@dataclass(frozen=True, slots=True)
class RetrainFacts:
    """What is looked at before a retraining.

    Attributes:
        source: as a sentence calls it.
        champion: title of the champion; "" for none; champion_problem: why it cannot be used;
            untrainable: why no training can start from it, as a sentence.
        slices: of the source, reviewed or not.
        seen_test_patients: of the test patients that are there, those the champion knows.
        broken: sentences on annotation files that cannot be used, without a full stop;
            skip_broken: they are to be left out.
        disk_bytes: what will be written; disk_free_bytes: None where unknown.
    """

    news: TrainingNews
    source: str = "The opened folder"
    champion: str = ""
    champion_problem: str = ""
    untrainable: str = ""
    slices: int = 0
    seen_test_patients: int = 0
    broken: tuple[str, ...] = ()
    skip_broken: bool = False
    disk_bytes: int = 0
    disk_free_bytes: int | None = None


def problems(facts: RetrainFacts) -> tuple[Finding, ...]:
    """What forbids it; the first is the one to say."""
    return tuple(_problems(facts))


def warnings(facts: RetrainFacts) -> tuple[Finding, ...]:
    """What does not forbid it."""
    return tuple(_warnings(facts))


def _problems(facts: RetrainFacts) -> Iterator[Finding]:
    size = facts.news.size
    if facts.champion_problem:
        yield Finding(facts.champion_problem, "Promote a model again.")
    if not size.slices:
        yield Finding(
            f"{facts.source} has no reviewed slice.",
            "Outline lesions, or mark slices without lesion as reviewed.",
        )
        return
    if facts.broken and not facts.skip_broken:
        rest = len(facts.broken) - 1
        more = f" ({counted(rest, 'more file')} with problems)" if rest else ""
        yield Finding(f"{facts.broken[0]}{more}.", "Mend the file, or leave such files out.")
    yield from _unlearnable(facts.news)
    free = facts.disk_free_bytes
    if free is not None and free < facts.disk_bytes:
        yield Finding(
            f"About {_megabytes(facts.disk_bytes)} MB will be written, but only "
            f"{_megabytes(free)} MB of the disk are free.",
            "Make room on the disk.",
        )


def _unlearnable(news: TrainingNews) -> Iterator[Finding]:
    size = news.size
    if size.patients < 2:
        yield Finding(
            "Only one patient has reviewed slices; a training needs two.",
            "Review slices of more patients, or open their folders together.",
        )
    elif not size.slices_with_lesion:
        yield Finding("No reviewed slice has a lesion.", "Outline lesions first.")
    elif UNDRAWN not in news.sizes and not news.size_of("train").slices_with_lesion:
        yield Finding(
            "No training patient has an outlined lesion.",
            "Outline lesions of training patients, or open their folders as well.",
        )


def _warnings(facts: RetrainFacts) -> Iterator[Finding]:
    news = facts.news
    if not news.size.slices:
        return
    if news.basis is Basis.PATIENTS and not _is_converted(news):
        yield Finding(
            f"No patient is new since {facts.champion}.",
            "Whether outlines were corrected is not known: its dataset is not in this workspace.",
            NOTHING_NEW,
        )
    elif news.basis is not Basis.NOTHING and not _is_converted(news):
        # From other weights it is another training, whatever is new.
        repeats = not (facts.seen_test_patients or facts.untrainable)
        more = "; a retraining would only repeat it" if repeats else ""
        yield Finding(
            f"Nothing is new since {facts.champion}{more}.",
            "",
            NOTHING_NEW,
        )
    elif news.basis is not Basis.NOTHING and not _is_learnt(news):
        yield Finding(
            "Only patients outside of the training have changed.",
            "A retraining would learn nothing new; the evaluation regards it.",
            NOTHING_NEW,
        )
    if waiting := news.size_of("incoming").patients:
        yield Finding(
            f"{counted(waiting, 'patient')} with reviewed slices {_wait(waiting)} to be assigned.",
            "Put them into a set (Model > Patients and sets…, or split move); else they are "
            "left out.",
        )
    if facts.untrainable:
        yield Finding(facts.untrainable, "The new model starts from the starter weights.")
    if facts.seen_test_patients:
        n = counted(facts.seen_test_patients, "patient")
        are = "is a test patient" if facts.seen_test_patients == 1 else "are test patients"
        yield Finding(
            f"{facts.champion} was trained on {n} who {are} now.",
            "The new model starts from the starter weights, and the two are not comparable there.",
        )
    if news.absent_patients:
        n = counted(news.absent_patients, "patient")
        yield Finding(
            f"{n} of {facts.champion} {_have(news.absent_patients)} no reviewed slice here.",
            "The new model would not learn from them; open their folders as well.",
        )
    yield from _test_warnings(news)
    if facts.broken and facts.skip_broken:
        n = counted(len(facts.broken), "annotation file")
        yield Finding(f"{n} with problems: what cannot be used is left out.", "")
    free = facts.disk_free_bytes
    if free is not None and facts.disk_bytes <= free < _DISK_MARGIN * facts.disk_bytes:
        yield Finding(f"Only {_megabytes(free)} MB of the disk are free.", "Make room on the disk.")


def _is_converted(news: TrainingNews) -> bool:
    """Some of what is new comes into a dataset."""
    return any(news.of(name) for name in news.sets if name != "incoming")


def _is_learnt(news: TrainingNews) -> bool:
    """Some of what is new changes what a training sees."""
    return any(news.of(name) for name in ("train", "val", UNDRAWN))


def memory_warning(needed: int, free: int | None) -> Finding | None:
    """The training may not find the memory it needs, both in bytes."""
    if free is None or needed <= free:
        return None
    return Finding(
        f"The training needs about {needed / 1e9:.1f} GB of memory, but only "
        f"{free / 1e9:.1f} GB are free.",
        "Close other programs.",
    )


def _test_warnings(news: TrainingNews) -> Iterator[Finding]:
    if UNDRAWN in news.sizes:
        has_test = news.size.patients >= TEST_MINIMUM_PATIENTS
    else:
        has_test = bool(news.size_of("test").patients)
    if not has_test:
        yield Finding("No test patient is here, so nothing can be compared.", no_test_cure())


def no_test_cure() -> str:
    """What to do where no patient is kept for testing."""
    return (
        f"The split keeps test patients from {TEST_MINIMUM_PATIENTS} patients in the first "
        "conversion on; open the folders of the test patients as well."
    )


def _wait(number: int) -> str:
    return "waits" if number == 1 else "wait"


def _have(number: int) -> str:
    return "has" if number == 1 else "have"


def _megabytes(n_bytes: int) -> int:
    return -(-n_bytes // 1_000_000)
