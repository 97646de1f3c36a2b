"""From delivered bytes to the files a page shows."""
