"""`python -m medseg_desktop` is the same as the `medseg-desktop` command."""

import sys

from medseg_desktop.cli import main

if __name__ == "__main__":
    sys.exit(main())
