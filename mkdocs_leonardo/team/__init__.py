"""An object store that the machines of a team share: pictures, and leases on the pictures in work."""
