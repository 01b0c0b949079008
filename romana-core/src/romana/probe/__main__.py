"""`python3 -m romana.probe`."""

import sys

from romana.probe.supervisor import main

sys.exit(main())
