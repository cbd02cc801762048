"""The command line.  Everything slow to import is imported by the command that needs it."""

from __future__ import annotations

import codecs
import io
import logging
import sys
from collections.abc import Sequence

from medseg_desktop.cli.parser import build_parser
from medseg_desktop.core.errors import Cancelled, MedSegError, UsageError, describe_os_error

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
#: Error handler of the console.
_ESCAPED = "medseg-escaped"
_HYPHENS = "−–"  # noqa: RUF001


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 usage, 130 interrupted."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    _print_anything()
    arguments = build_parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except UsageError as error:
        return _fail(error, EXIT_USAGE)
    except MedSegError as error:
        return _fail(error, EXIT_FAILED)
    except (KeyboardInterrupt, Cancelled):
        print("Interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has closed it (`| head`); there is nobody left to tell.
        sys.stderr.close()
        return EXIT_FAILED
    except OSError as error:
        sentence = describe_os_error(error, error.filename or "a file", "use")
        print(" ".join(sentence.split()), file=sys.stderr)
        return EXIT_FAILED
    except ImportError as error:
        reason = " ".join(str(error).split())
        print(
            f"A package does not load: {reason}. Run medseg-desktop doctor to see what to do.",
            file=sys.stderr,
        )
        return EXIT_FAILED
    except Exception as error:
        logging.getLogger(__name__).debug("unexpected error", exc_info=True)
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        print(f"Unexpected error: {reason}. Please report this.", file=sys.stderr)
        return EXIT_FAILED
    return code


def _print_anything() -> None:
    """What the console cannot show is no reason to fail: minus signs and dashes become hyphens
    there, names are printed escaped."""
    codecs.register_error(_ESCAPED, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPED)


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeEncodeError):
        if error.object[error.start] in _HYPHENS:
            return "-", error.start + 1
        error.end = error.start + 1  # what follows may be one of them
    return codecs.backslashreplace_errors(error)


def _fail(error: MedSegError, code: int) -> int:
    print(" ".join(str(error).split()), file=sys.stderr)
    return code
