"""`python -m romana_install`: what ./romana-setup starts."""

import sys

from romana_install.cli.main import main
from romana_install.cli.outlet import keep_going

if __name__ == "__main__":
    keep_going()
    sys.exit(main())
