"""Secrets in texts: error messages, commands, logs and URLs."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterable

from raynas.redaction.names import is_secret_name, is_strong_name

__all__ = ["HIDDEN", "hidden_values", "scrubbed", "shown_url"]

HIDDEN = "***"
_SHORTEST = 3  # characters: shorter ones would blacken ordinary words

_CREDENTIALS = re.compile(
    r"\b(jdbc:oracle:\w{1,9}:\w{1,99}/|[A-Za-z][\w+.-]{0,40}:/{1,3}+(?!git@))"
    r"[^\s'\"<>`]{0,1000}@"
)
_PLAIN_QUOTED = r"b?'(?:[^'\\\n]|\\.)*'|b?\"(?:[^\"\\\n]|\\.)*\""
_QUOTED = rf"{_PLAIN_QUOTED}|\\+\"[^\"\\\n]*\\+\""
_BARE = r"[^\s&;,'\"<>()\[\]{}]+"
_QUOTE = r"\\{0,3}['\"]?"
_NAME = (
    r"(?<![\w.-])(?=[\w.-]*?(?i:pass|pwd|secret|token|key|auth|cred|cookie|dsn|jwt|webhook"
    r"|connection|conn_str|session_?id|phpsessid))(?P<name>[\w.-]++)"
)
_ASSIGNED = re.compile(
    rf"(?P<before>(?<!unexpected ){_NAME}{_QUOTE}\]?\s{{0,3}}(?:=>|[:=](?!=))\s{{0,3}}"
    rf"(?:\{{\s?{_QUOTE}value{_QUOTE}\s?:\s?)?)(?!\*\*\*|'\*\*\*)"
    rf"(?P<value>{_QUOTED}|(?:Secret|SecretStr|str|bytes)\((?:{_PLAIN_QUOTED})\)"
    rf"|\{{[^{{}}\n]{{1,200}}\}}(?=;)|{_BARE})(?P<end>\s*$)?",
    re.MULTILINE,
)
_PAIRED = re.compile(rf"(?P<before>\(\s*['\"]{_NAME}['\"],\s*)(?P<value>{_QUOTED})(?P<end>\s*\))")
_OPTION = re.compile(
    rf"(?P<before>(?=--){_NAME}['\"]?,?\s+)(?P<value>{_QUOTED}|[^\s-]\S*)(?P<end>)"
)
_NAMED_VALUE = re.compile(
    rf"(?P<before>\b(?i:name|key)['\"]?\s{{0,3}}[:=]\s{{0,3}}['\"]?{_NAME}['\"]?[\s,]{{1,40}}"
    rf"['\"]?(?i:value)['\"]?\s{{0,3}}[:=]\s{{0,3}})(?P<value>{_QUOTED}|{_BARE})(?P<end>)"
)
_ELEMENT = re.compile(rf"(?P<before><{_NAME}>)(?P<value>[^<\n]+)(?P<end></)")
_NAMED = (_ASSIGNED, _PAIRED, _OPTION, _NAMED_VALUE, _ELEMENT)
_TOO_COMMON = {"key", "keys", "pin", "auth", "tokens", "cookies", "otp", "pat", "sas"}
"""Names that mean something else in code and in messages."""

_NO_SECRET = re.compile(
    r"\W*|[\d.,_]+|None|True|False|null|true|false|enabled|disabled|required|optional|\w{1,5}",
    re.ASCII,
)
_RANDOM = r"(?=\S{0,99}\d)(?=\S{0,99}[A-Za-z])[^\s'\"`(),;]{8,}"
_LOOKS_RANDOM = re.compile(_RANDOM)
_PROSE = re.compile(
    r"(?i)(\b(?:password|passwd|passphrase|api[ _-]?key|secret[ _-]key"
    r"|(?:access|auth|api)[ _-]token)\s(?:(?:is|was|of|given|provided|used):?\s)?)"
    rf"(?:{_PLAIN_QUOTED}|`[^`\n]+`|{_RANDOM})"
)

_ARGUMENTS = r"[^\n|;&]{0,200}?(?<=[\s'\"])"
_GAP = r"[\s'\",=]{1,4}"
_COMMAND = re.compile(
    rf"(\b(?:(?:mysql|mariadb)[\w-]*\b{_ARGUMENTS}-p"
    rf"|sshpass\b{_ARGUMENTS}-p(?:{_GAP})?"
    rf"|(?:docker|podman|nerdctl|helm|az|skopeo){_GAP}(?:\w+{_GAP})?login\b{_ARGUMENTS}-p{_GAP}"
    rf"|mongo\w*\b{_ARGUMENTS}-p{_GAP}"
    rf"|redis-cli\b{_ARGUMENTS}-a{_GAP}"
    rf"|curl\b{_ARGUMENTS}(?:-u|--user)(?:{_GAP})?[^\s:'\"]+:"
    rf"|wandb\b{_ARGUMENTS}login{_GAP}(?=\w{{20}})))['\"]?[^\s'\",]+"
)

_HEADER = re.compile(
    r"(?i)((?:authorization|cookie|x-api-key|x-auth-token)['\"]?\s*[:=]\s*['\"]?)[^'\"\n]{6,}"
    r"|(\bbearer\s+)(?=\S*[\d=])[\w.~+/-]{8,}=*"
)
_BASIC = re.compile(r"(?i)(\bbasic\s+)([A-Za-z0-9+/]{8,}={0,2})(?![\w-])")
_NETRC = re.compile(r"(\blogin\s+\S+\s+password\s+)\S+")
_QUERY = re.compile(r"([?&](?:key|auth|pin|pat|otp|code)=)[^\s&;'\"<>#]{6,}")
_KEY_BLOCK = re.compile(
    r"(-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----).*?"
    r"(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
    r"|(\bPrivate-Lines: \d+\n)(?:[^\n]+\n?)+",
    re.DOTALL,
)
_TOKENS = re.compile(
    r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_\w{16,}"
    r"|xai-[\w-]{20,}|sk-(?=[\w-]{0,60}\d)[\w-]{20,}|gsk_\w{20,}|nvapi-[\w-]{20,}|r8_\w{20,}"
    r"|rpa_\w{20,}|tgp_v1_[\w-]{20,}|lsv2_[ps][tk]_\w{20,}|wandb_v1_\w{16,}"
    r"|xox[abprs]-[\w-]{10,}|xapp-[\w-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[\w-]{30,}"
    r"|ya29\.[\w-]{16,}|[srp]k_(?:live|test)_\w{16,}|whsec_[\w+/]{16,}|pypi-\w{16,}|npm_\w{30,}"
    r"|do[op]_v1_\w{32,}|dckr_pat_[\w-]{16,}|dapi[0-9a-f]{32}|dp\.(?:pt|st|ct)\.[\w.]{20,}"
    r"|hv[sb]\.[\w-]{16,}|tskey-\w+-[\w-]{16,}|figd_[\w-]{16,}|sntrys_[\w+/=-]{16,}"
    r"|PMAK-[\w-]{20,}|ATATT3\w{16,}|ATBB\w{20,}|EAA[A-Za-z0-9]{24,}|AGE-SECRET-KEY-1\w{20,}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|shp(?:at|ss)_\w{20,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+)"
    r"|(?<=hooks\.slack\.com/services/)[\w/]+|(?<=[?&;]sig=)[^\s&;'\"]+|(?<=Signature=)[^\s&;'\"]+"
)


def hidden_values(text: str, values: Iterable[str]) -> str:
    """`text` without `values`, but those that are too short to be told from ordinary words."""
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, HIDDEN)
    return text


def scrubbed(text: str, values: Iterable[str] = ()) -> str:
    """`text` without credentials of URLs, tokens, and passwords that are named as such.

    Args:
        text: Text that may hold secrets, such as an error message.
        values: Secrets known by their value, which are removed too.
    """
    text = _KEY_BLOCK.sub(_without_rest, hidden_values(text, values))
    text = _CREDENTIALS.sub(rf"\1{HIDDEN}@", text)
    text = _TOKENS.sub(HIDDEN, text)
    text = _BASIC.sub(_without_login, text)
    for pattern in (_HEADER, _NETRC, _QUERY, _COMMAND):
        text = pattern.sub(_without_rest, text)
    for pattern in _NAMED:
        text = pattern.sub(_without_named, text)
    return _PROSE.sub(_without_rest, text)


def _without_rest(found: re.Match[str]) -> str:
    """What a pattern has in its group, and the rest hidden."""
    return f"{found[found.lastindex or 0]}{HIDDEN}"


def _without_login(found: re.Match[str]) -> str:
    """A user and a password in base64, hidden; ``basic`` before another word stays."""
    try:
        hidden = b":" in b64decode(found[2] + "=" * (-len(found[2]) % 4), validate=True)
    except NotBase64:
        hidden = False
    return f"{found[1]}{HIDDEN}" if hidden or found[2].endswith("=") else found.group()


def _without_named(found: re.Match[str]) -> str:
    """What names a secret, without its value."""
    value, before = found["value"], found["before"]
    bare = value.strip("b'\"\\")
    quoted = value != bare
    if not is_secret_name(found["name"]) or _is_none(found, bare, quoted):
        return found.group()
    shown = f"'{HIDDEN}'" if quoted else HIDDEN
    return f"{before}{shown}{found['end'] or ''}"


def _is_none(found: re.Match[str], bare: str, quoted: bool) -> bool:
    """Whether what follows the name of a secret is something else.

    After a colon, a word without quotes is a value only at the end of its line, or where it looks
    random: elsewhere it is prose, such as ``unexpected token: expected a number``.
    """
    name = found["name"].lower().strip("-_.")
    if name in _TOO_COMMON:
        return True
    if quoted:
        return len(bare) <= 2 and not re.search(r"\w", bare)
    in_prose = found["before"].rstrip().endswith(":") and found["end"] is None
    random = is_strong_name(name) and _LOOKS_RANDOM.fullmatch(bare)
    return bool(_NO_SECRET.fullmatch(bare) or (in_prose and not random))


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
    hidden = "" if not at else f"{known}@" if known == before else f"{_joined(known)}{HIDDEN}@"
    place, question, query = (after if at else rest).partition("?")
    parts = [_without_value(part) for part in re.split(r"([&;])", query)]
    return f"{scheme}:{hidden}{place}{question}{''.join(parts)}"


def _joined(user: str) -> str:
    return f"{user}:" if user.strip("/") else user


def _without_value(part: str) -> str:
    name, equals, value = part.partition("=")
    return f"{name}={HIDDEN}" if equals and value and is_secret_name(name) else part
