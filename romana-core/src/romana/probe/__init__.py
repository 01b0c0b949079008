"""romana-probe: temporary endpoints on a node, to see from inside what the network lets through.

It is started as root on a node and spoken to in JSON lines (`supervisor`). Each probe is a process in an unnamed
network namespace behind a real tap device (`worker`, `wire`). Nothing it makes has a name that outlives it: taps are
open file descriptors, the namespace belongs to the process, and every process dies with its parent. So the end of
standard input, or kill -9, leaves nothing behind. Only the standard library, iproute2 and busybox are needed.
"""

from romana.probe.supervisor import main

__all__ = ["main"]
