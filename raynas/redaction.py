"""Redaction: keeping secrets out of everything that raynas writes or shows.

A value is a secret where it is marked with `secret`, where its name says so (``api_token``,
``password``), and where it is the credentials of a URL or a token of a well-known form.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import pbkdf2_hmac
from itertools import pairwise
from typing import Any

__all__ = [
    "Secret",
    "is_secret_name",
    "redacted",
    "scrubbed",
    "secret",
    "secret_values",
    "settings_text",
    "shown_url",
]

_HIDDEN = "***"
_ANYWHERE = re.compile(
    "password|passwd|passphrase|passcode|secret|credential|apikey|accesskey|privatekey|webhook"
)
_ALWAYS = {"pwd", "bearer", "authorization", "creds", "jwt"}
_AT_THE_END = {"token", "tokens", "key", "keys", "auth", "cookie", "cookies", "dsn", "pin", "sig"}
_AT_THE_END |= {"otp", "pat", "sas"}
_PAIRS = {("access", "key"), ("api", "key"), ("private", "key"), ("account", "key")}
_PAIRS |= {("connection", "string"), ("conn", "str"), ("session", "id")}
_OF_WHOM = {"db", "database", "user", "admin", "root", "mysql", "pg", "postgres", "smtp", "ftp"}
_OF_WHOM |= {"mail", "ssh", "sudo", "proxy", "http", "redis", "mongo"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_CREDENTIALS = re.compile(r"\b([A-Za-z][\w+.-]*:/{1,3})[^\s'\"<>`]{0,1000}@")
_QUOTED = r"b?'(?:[^'\\\n]|\\.)*'|b?\"(?:[^\"\\\n]|\\.)*\""
_NAME = (
    r"(?<![\w.-])(?=[\w.-]*?(?i:pass|pwd|secret|token|key|auth|cred|cookie|dsn|jwt|webhook"
    r"|connection|conn_str|session_?id))(?P<name>[\w.-]++)"
)
_ASSIGNED = re.compile(
    rf"(?P<before>{_NAME}['\"]?\s{{0,3}}(?:=>|[:=](?!=))\s{{0,3}})"
    rf"(?!\*\*\*|'\*\*\*)(?P<value>{_QUOTED}|[^\s&;,'\"<>()\[\]{{}}]+)(?P<end>\s*$)?",
    re.MULTILINE,
)
_PAIRED = re.compile(rf"(?P<before>\(\s*['\"]{_NAME}['\"],\s*)(?P<value>{_QUOTED})(?P<end>\s*\))")
_OPTION = re.compile(rf"(?P<before>(?=--){_NAME}\s+)(?P<value>{_QUOTED}|[^\s-]\S*)(?P<end>)")
_TOO_COMMON = {"key", "keys", "pin", "auth", "tokens", "cookies", "otp", "pat", "sas"}
"""Names that mean something else in code and in messages."""

_NO_SECRET = re.compile(r"\W*|[\d.,_]+|None|True|False|null|true|false|\w{1,5}", re.ASCII)
_HEADER = re.compile(
    r"(?i)((?:authorization|cookie|x-api-key|x-auth-token)['\"]?\s*[:=]\s*['\"]?)[^'\"\n]{6,}"
    r"|(\b(?:bearer|basic)\s+)(?=\S*[\d=])[\w.~+/-]{8,}=*"
)
_NETRC = re.compile(r"(\blogin\s+\S+\s+password\s+)\S+")
_KEY_BLOCK = re.compile(
    r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_TOKENS = re.compile(
    r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_\w{16,}|sk-[\w-]{20,}"
    r"|xox[abprs]-[\w-]{10,}|xapp-[\w-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[\w-]{30,}"
    r"|ya29\.[\w-]{16,}|[srp]k_(?:live|test)_\w{16,}|pypi-\w{16,}|npm_\w{30,}|dop_v1_\w{32,}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|shp(?:at|ss)_\w{20,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+)"
    r"|(?<=hooks\.slack\.com/services/)[\w/]+|(?<=[?&;]sig=)[^\s&;'\"]+|(?<=Signature=)[^\s&;'\"]+"
)
_FINGERPRINT = re.compile(r"a secret \([0-9a-f]{6}\)")
_SHORTEST = 3  # characters: shorter ones would blacken ordinary words
_SHORTEST_VARIABLE = 6  # as above, of variables whose name alone makes them secret
_DEPTH = 4  # objects within objects: a logger in a callback in a task
_LARGEST = 1000  # entries: data, and no settings
_ITERATIONS = 50_000
"""Chosen by hand: milliseconds a secret, so that digests of short ones are slow to guess."""


class Secret(str):
    """A string that is used like any other, and that raynas neither writes nor shows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(_HIDDEN)


def secret(value: str) -> Secret:
    """Mark `value`, such as a token in a task's attribute, as not to be written or shown.

    It stays a `str`. A search notices when it changes by a salted hash of it.
    """
    return Secret(value)


def is_secret_name(name: str) -> bool:
    """Whether `name`, of an attribute or a variable, is that of a secret."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words:
        return False
    pairs = set(pairwise(words))
    return bool(
        any(map(_ANYWHERE.search, words))
        or _ALWAYS & set(words)
        or words[-1] in _AT_THE_END
        or (words[-1] == "pass" and (len(words) == 1 or words[-2] in _OF_WHOM))
        or _PAIRS & pairs
    )


def redacted(name: str, value: str | bytes) -> str | None:
    """What to write for `value` of a setting called `name`; None where it holds no secret.

    It has a salted hash, so that another secret gives another text.
    """
    plain = value if isinstance(value, str) else value.decode("utf-8", "replace")
    if _FINGERPRINT.search(plain):
        return None
    if isinstance(value, Secret) or is_secret_name(name):
        return f"a secret ({_fingerprint(name, plain)})"
    shown = scrubbed(plain)
    return None if shown == plain else f"{shown}, with a secret ({_fingerprint(name, plain)})"


def settings_text(values: Mapping[str, Any]) -> str:
    """``name=value, …`` for people, with secrets hidden."""
    return ", ".join(f"{name}={_setting(name, value)}" for name, value in values.items())


def scrubbed(text: str, values: Iterable[str] = ()) -> str:
    """`text` without credentials of URLs, tokens, and passwords that are named as such.

    Args:
        text: Text that may hold secrets, such as an error message.
        values: Secrets known by their value, which are removed too.
    """
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, _HIDDEN)
    text = _KEY_BLOCK.sub(rf"\1{_HIDDEN}", text)
    text = _CREDENTIALS.sub(rf"\1{_HIDDEN}@", text)
    text = _TOKENS.sub(_HIDDEN, text)
    text = _HEADER.sub(lambda found: f"{found[1] or found[2]}{_HIDDEN}", text)
    text = _NETRC.sub(rf"\1{_HIDDEN}", text)
    for pattern in (_ASSIGNED, _PAIRED, _OPTION):
        text = pattern.sub(_without_named, text)
    return text


def _without_named(found: re.Match[str]) -> str:
    """What names a secret, without its value.

    After a colon, a word without quotes is a value only at the end of its line: elsewhere it is
    prose, such as ``unexpected token: expected a number``.
    """
    name, value, before = found["name"], found["value"], found["before"]
    bare = value.strip("b'\"")
    quoted = value != bare
    in_prose = ":" in before.rstrip()[-1:] and not quoted and found["end"] is None
    common = name.lower().strip("-_.") in _TOO_COMMON
    if (
        not is_secret_name(name)
        or common
        or in_prose
        or (not quoted and _NO_SECRET.fullmatch(bare))
    ):
        return found.group()
    shown = f"'{_HIDDEN}'" if quoted else _HIDDEN
    return f"{before}{shown}{found['end'] or ''}"


def shown_url(url: str) -> str:
    """A store's URL for messages, as far as it can be read without its credentials.

    What is written wrongly is hidden rather than shown: all between the scheme and the last ``@``.
    """
    scheme, colon, rest = url.partition(":")
    if not colon or not re.fullmatch(r"[A-Za-z][\w+.-]+", scheme):
        return url
    before, at, after = rest.rpartition("@")
    user = re.match(r"/*(?:[\w.+%-]+(?=:|$))?", before)
    known = user.group() if user else ""
    hidden = "" if not at else f"{known}@" if known == before else f"{_joined(known)}{_HIDDEN}@"
    place, question, query = (after if at else rest).partition("?")
    parts = [_without_value(part) for part in re.split(r"([&;])", query)]
    return f"{scheme}:{hidden}{place}{question}{''.join(parts)}"


def secret_values(*holders: object) -> frozenset[str]:
    """The secrets in the environment, and among the attributes of `holders` and what these hold."""
    found = [
        value
        for name, value in os.environ.items()
        if is_secret_name(name) and len(value) >= _SHORTEST_VARIABLE and not os.path.exists(value)
    ]
    for holder in holders:
        found += _secrets_in("", holder, _DEPTH)
    return frozenset(found)


def _secrets_in(name: str, value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str | bytes):
        if isinstance(value, Secret) or is_secret_name(name):
            yield value if isinstance(value, str) else value.decode("utf-8", "replace")
    elif depth > 0:
        for key, entry in _entries(value):
            inner = key if isinstance(key, str) and not is_secret_name(name) else name
            yield from _secrets_in(inner, entry, depth - 1)


def _entries(value: object) -> Iterable[tuple[object, object]]:
    """What a container or an object holds, by key or name, where it is not a table of data."""
    match value:
        case Mapping() | list() | tuple() if len(value) > _LARGEST:
            return ()
        case Mapping():
            return value.items()
        case list() | tuple():
            return enumerate(value)
        case type():
            return ()
        case _:
            return getattr(value, "__dict__", {}).items()


def _setting(name: str, value: object) -> str:
    hidden = redacted(name, value) if isinstance(value, str | bytes) else None
    if hidden is None:
        return str(value)
    return _HIDDEN if hidden.startswith("a secret") else scrubbed(str(value))


def _joined(user: str) -> str:
    return f"{user}:" if user.strip("/") else user


def _without_value(part: str) -> str:
    name, equals, value = part.partition("=")
    return f"{name}={_HIDDEN}" if equals and value and is_secret_name(name) else part


@lru_cache(maxsize=256)
def _fingerprint(name: str, value: str) -> str:
    """Six digits: enough to notice a change, too few to prove a guess; slow to try many."""
    salt = f"raynas {name}".encode()
    return pbkdf2_hmac("sha256", value.encode("utf-8", "replace"), salt, _ITERATIONS).hex()[:6]
