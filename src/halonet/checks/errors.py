"""Errors of what a user gives; each message names the option or file, the value, and what would be right."""


class StorageError(ValueError):
    """A file that cannot be used; the message names it, what is wrong and what would be right."""
