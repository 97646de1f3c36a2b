"""An object store that the machines of a team share: its pictures, and leases on pictures that a machine is making."""
