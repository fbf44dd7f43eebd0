"""Names of attributes, variables and options that hold secrets."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

__all__ = ["is_secret_name", "is_strong_name"]

_ANYWHERE = re.compile(
    "password|passwd|passphrase|passcode|secret|credential|apikey|accesskey|privatekey|webhook"
)
_ALWAYS = {"pwd", "bearer", "authorization", "creds", "jwt"}
_AT_THE_END = {"token", "tokens", "key", "keys", "auth", "cookie", "cookies", "dsn", "pin", "sig"}
_AT_THE_END |= {"otp", "pat", "sas", "csrftoken", "xsrftoken", "authtoken", "accesstoken"}
_AT_THE_END |= {"sessionid", "phpsessid", "jsessionid"}
_PAIRS = {("access", "key"), ("api", "key"), ("private", "key"), ("account", "key")}
_PAIRS |= {("connection", "string"), ("conn", "str"), ("session", "id")}
_OF_WHOM = {"db", "database", "user", "admin", "root", "mysql", "pg", "postgres", "smtp", "ftp"}
_OF_WHOM |= {"mail", "ssh", "sudo", "proxy", "http", "redis", "mongo"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_COUNTS = {"num", "n", "max", "min", "total", "mean", "avg", "count", "number"}
_NO_TOKENS = _COUNTS | {
    *("pad", "padding", "eos", "bos", "sos", "sep", "cls", "class", "mask", "unk", "unknown"),
    *("special", "start", "end", "stop", "begin", "blank", "next", "prev", "word", "text"),
    *("image", "patch", "vision", "audio", "prompt", "context", "vocab", "register", "dist"),
    *("distillation", "train", "val", "test", "input", "output", "query", "summary", "memory"),
}
_NO_KEYS = _COUNTS | {
    *("sort", "primary", "foreign", "group", "partition", "cache", "hash", "lookup", "index"),
    *("metric", "metrics", "monitor", "loss", "score", "reward", "best", "target", "label"),
    *("image", "text", "audio", "input", "output", "feature", "features", "data", "dataset"),
    *("batch", "sample", "dict", "config", "model", "module", "layer", "param", "params"),
    *("state", "checkpoint", "column", "row", "field", "json", "public", "object", "bucket"),
    *("query", "value", "author", "attention", "attn", "mask", "id", "name", "log", "step"),
}


@lru_cache(maxsize=1024)  # those of the environment are looked at for every trial
def is_secret_name(name: str) -> bool:
    """Whether `name`, of an attribute or a variable, is that of a secret.

    Tokens of a text and keys of data are none: ``pad_token``, ``num_tokens``, ``image_key``.
    """
    words = _words(name)
    if not words:
        return False
    return is_strong_name(name) or _ends_like_a_secret(words)


def is_strong_name(name: str) -> bool:
    """Whether `name` is that of a secret in prose too, as ``password`` is and ``token`` is not."""
    words = _words(name)
    return bool(
        any(map(_ANYWHERE.search, words))
        or _ALWAYS & set(words)
        or _PAIRS & set(pairwise(words))
        or (words[-1:] == ["pass"] and (len(words) == 1 or words[-2] in _OF_WHOM))
    )


def _ends_like_a_secret(words: list[str]) -> bool:
    before, last = words[-2:-1], words[-1]
    if last in ("token", "tokens"):
        return not _NO_TOKENS & set(before)
    if last in ("key", "keys"):
        return not _NO_KEYS & set(before)
    return last in _AT_THE_END


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]
