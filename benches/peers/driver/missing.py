"""What stops a measurement, said in one line."""


class Missing(Exception):
    """Something this machine lacks, or a peer that did not do its work."""
