"""An agent is killed and started again on a host with 1,000 endpoints: seconds until reconciled, packets lost.

Most endpoints are taps with nobody behind them; some are guests that ping each other all the time. Needs root.

    python benchmarks/agent_restart.py [--endpoints 1000] [--restarts 10] [--output FILE]
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

import command

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "romana-core/src"), str(REPOSITORY / "romana-core/tests/agent")]

from agent_lab import Lab, bare_taps, until
from pinger import Pinger

TARGET = 2.0  # seconds
GUESTS = 8  # in pairs
INTERVAL = 0.01  # seconds between pings


def measure(endpoints: int, restarts: int) -> dict[str, object]:
    """Restart the agent that many times."""
    lab = Lab(1)
    node = lab.nodes[0]
    try:
        guests = [lab.guest(0, 1, 3) for _ in range(GUESTS)]
        others = [lab.guest(0, 1 + n // 200, 1 + n % 2, plug=False) for n in range(endpoints - GUESTS)]
        bare_taps(node.namespace, [other.interface for other in others])
        lab.store()
        first = node.start_agent(120)
        for guest in guests:
            guest.configure()
        until(lambda: guests[0].reaches(guests[1]), "the guests reach each other")
        pingers = [Pinger(a, b, INTERVAL) for a, b in zip(guests[::2], guests[1::2], strict=True)]
        seconds = []
        for _ in range(restarts):
            node.kill_agent()
            seconds.append(node.start_agent(60))
        counts = [pinger.losses() for pinger in pingers]
        routes = len([route for route in node.routes() if " dev tap" in route])
        if routes != endpoints:
            raise SystemExit(f"{routes} of {endpoints} endpoints have their route")
    finally:
        lab.close()
    return {
        "endpoints": endpoints,
        "restarts": restarts,
        "first_start_s": round(first, 2),
        "median_s": round(statistics.median(seconds), 2),
        "worst_s": round(max(seconds), 2),
        "pings": sum(sent for sent, _ in counts),
        "lost": sum(lost for _, lost in counts),
    }


def main() -> int:
    """Measure, print a table and JSON."""
    parser = command.parser(__doc__)
    parser.add_argument("--endpoints", type=int, default=1000, help="on the host, default %(default)s")
    parser.add_argument("--restarts", type=int, default=10, help="default %(default)s")
    options = command.root_options(parser)
    row = measure(options.endpoints, options.restarts)
    print(" ".join(f"{name:>13}" for name in row))
    print(" ".join(f"{value:>13}" for value in row.values()))
    result = {"benchmark": "agent_restart", "target_s": TARGET, "target_lost": 0, "results": [row]}
    command.publish(result, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
