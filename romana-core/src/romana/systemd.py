"""Our units, and how they say that they are ready (sd_notify(3)): one of Type=notify is started when it can serve."""

import os
import socket

SERVER, AGENT = "romana-server", "romana-agent"


def notify(state: str) -> None:
    """Send one state line, such as 'READY=1' or 'STATUS=...', to the service manager; nothing when there is none."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect("\0" + address[1:] if address.startswith("@") else address)
        channel.send(state.encode())
