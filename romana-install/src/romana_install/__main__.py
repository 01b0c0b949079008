"""`python -m romana_install`: what ./romana-setup starts."""

import sys

from romana_install.cli import main

if __name__ == "__main__":
    sys.exit(main())
