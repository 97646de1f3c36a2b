"""Loopback and public addresses of hosts."""

from __future__ import annotations

import ipaddress

#: IPv6 addresses that stand for an IPv4 address (RFC 6052): networks without IPv4 reach everything through these.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine by its own name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """Whether `address` belongs to the open internet, whatever IPv6 form it hides in."""
    try:
        value = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(value, ipaddress.IPv6Address):
        if value in _NAT64:
            value = ipaddress.IPv4Address(int(value) & 0xFFFFFFFF)
        else:
            value = value.ipv4_mapped or value.sixtofour or value
    return value.is_global and not value.is_multicast
