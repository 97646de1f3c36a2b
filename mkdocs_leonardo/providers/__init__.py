"""Services that make pictures, and the painter that always can."""
