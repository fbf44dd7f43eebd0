"""Redaction: keeping secrets out of everything that raynas writes or shows.

A value is a secret where it is marked with `secret`, where its name says so (``api_token``,
``password``), and where it is the credentials of a URL or a token of a well-known form.
"""

from raynas.redaction.names import is_secret_name
from raynas.redaction.texts import hidden_values, scrubbed, shown_url
from raynas.redaction.values import (
    Secret,
    check_no_secret,
    redacted,
    secret,
    secret_values,
    settings_text,
)

__all__ = [
    "Secret",
    "check_no_secret",
    "hidden_values",
    "is_secret_name",
    "redacted",
    "scrubbed",
    "secret",
    "secret_values",
    "settings_text",
    "shown_url",
]
