from __future__ import annotations

from pathlib import Path

LOOPBACK = "0100007F"  # 127.0.0.1 as /proc writes it


def addresses_of(pid: int) -> set[str]:
    """Local addresses of the TCP sockets that the process listens on, and of its UDP sockets."""
    process = Path("/proc", str(pid))
    links = {str(descriptor.readlink()) for descriptor in (process / "fd").iterdir()}
    addresses = set()
    for protocol, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        rows = [line.split() for line in (process / "net" / protocol).read_text().splitlines()[1:]]
        sockets = [row for row in rows if row[3] == state and f"socket:[{row[9]}]" in links]
        addresses |= {row[1].partition(":")[0] for row in sockets}
    return addresses
