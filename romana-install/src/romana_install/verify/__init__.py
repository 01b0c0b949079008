"""Verification: does the network let through what the policies say, and only that?

`run` attaches temporary endpoints on the nodes of a stack, looks at the network from inside them, and removes them
again. It compares what it sees with what `romana.reachability` expects.
"""

from romana_install.verify.render import FORMATS, check_line, conclusion, render
from romana_install.verify.report import Cell, Check, Report
from romana_install.verify.stack import run

__all__ = ["FORMATS", "Cell", "Check", "Report", "check_line", "conclusion", "render", "run"]
