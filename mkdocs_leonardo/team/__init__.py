"""An object store that the machines of a team share: its pictures, and leases on what a machine is making."""
