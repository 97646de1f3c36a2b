"""Storage between builds: pictures, the journal of paid jobs, leases, renderings and request limits."""
