"""Loopback and public addresses of hosts."""

from __future__ import annotations

import ipaddress

#: IPv6 addresses for IPv4 addresses (RFC 6052), through which networks without IPv4 reach these.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
#: The text that follows the name of an address by which a key would travel unencrypted.
ENCRYPTION_FIX = "it must begin with https:// (with http:// only for this machine itself)"


def ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address in `text`; None for any other text."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Return whether `host` is this machine by its own name or address."""
    address = ip_address(host.strip("[]"))
    return host == "localhost" if address is None else address.is_loopback


def keeps_secrets(scheme: str, host: str) -> bool:
    """Return whether a key may travel to the address: over an encrypted connection, or within this machine."""
    return scheme == "https" or (scheme == "http" and is_loopback(host))


def is_public(address: str) -> bool:
    """Return whether `address` belongs to the open internet, also as an IPv4 address inside an IPv6 one."""
    value = ip_address(address.partition("%")[0])
    if value is None:
        return False
    if isinstance(value, ipaddress.IPv6Address):
        if value in _NAT64:
            value = ipaddress.IPv4Address(int(value) & 0xFFFFFFFF)
        else:
            value = value.ipv4_mapped or value.sixtofour or value
    return value.is_global and not value.is_multicast
