"""Secrets are found wherever they are put, and what is none stays readable."""

from __future__ import annotations

import os
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raynas.redaction import (
    is_secret_name,
    redacted,
    scrubbed,
    secret,
    secret_values,
    settings_text,
    shown_url,
)

PLANTED = "pl4nt3d-Xq"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "api_token",
        "hfToken",
        "OPENAI_API_KEY",
        "AWS_ACCESS_KEY_ID",
        "sslpassword",
        "client_secret",
        "db_passwd",
        "wandbApiKey",
        "credentials",
        "auth",
        "DSN",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "tokenizer",
        "TOKENIZERS_PARALLELISM",
        "token_budget",
        "monkey",
        "metric",
        "max_steps",
        "author",
    ],
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:PW@h:5/db", "postgresql://u:***@h:5/db"),
        ("postgresql://u@h/db", "postgresql://u@h/db"),
        ("postgresql://h/db?user=u&password=PW", "postgresql://h/db?user=u&password=***"),
        ("mysql://h/db?sslpassword=PW;x=1", "mysql://h/db?sslpassword=***;x=1"),
        ("postgresql://u:p@PW@h/db", "postgresql://u:***@h/db"),
        ("postgresql:/u:PW@h/db", "postgresql:/u:***@h/db"),
        ("postgresql:u:PW@h/db", "postgresql:u:***@h/db"),
        ("postgresql://u:PW@[::1/db", "postgresql://u:***@[::1/db"),
        ("postgresql://u:a/PW#?x@h/db", "postgresql://u:***@h/db"),
        ("postgresql://:PW@h", "postgresql://***@h"),
        ("sqlite:///search.db", "sqlite:///search.db"),
        ("results@home/search.journal", "results@home/search.journal"),
    ],
)
def test_urls_are_shown_without_passwords(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@given(
    st.text("ab:/@?#%&=;", max_size=8),
    st.text("ab:/@?#%&=;", max_size=8),
    st.sampled_from(["://", ":/", ":", ":///"]),
)
def test_no_url_with_a_password_shows_it(before: str, after: str, slashes: str) -> None:
    url = f"postgresql{slashes}u:{before}{PLANTED}{after}@h.invalid/db"
    assert PLANTED not in shown_url(url)


@pytest.mark.parametrize(
    "text",
    [
        f"cannot reach https://{PLANTED}@git.invalid/x",
        f"cannot reach s3://key:{PLANTED}@h/x?y=1",
        f"GET https://h/x?X-Amz-Signature={PLANTED}&y=1 gave 403",
        f"connect(host='h', password='{PLANTED}') failed",
        f"connect(host='h', api_key={PLANTED}) failed",
        f"{{'user': 'u', 'password': '{PLANTED}'}}",
        f'{{"access_token": "{PLANTED}"}}',
        f"{{'token': b'{PLANTED}'}}",
        f'"secret":"{PLANTED}"',
        f"token: {PLANTED}",
        f"  db_passwd: {PLANTED}\nhost: h",
        f"aws_secret_access_key = {PLANTED}",
        f"password => {PLANTED}",
        f"curl -H 'X-Api-Key: {PLANTED}'",
        f"Authorization: Bearer {PLANTED}",
        f"Authorization: Basic {PLANTED}==",
        f"Set-Cookie: session={PLANTED}; Secure",
        f"run --password {PLANTED} --steps 3",
        f"run --api-key={PLANTED}",
        f"('password', '{PLANTED}')",
        f"machine h login u password {PLANTED}",
        f"https://a.blob.invalid/c?sv=1&sig={PLANTED}",
        f"DefaultEndpointsProtocol=https;AccountKey={PLANTED}==;",
        f"-----BEGIN RSA PRIVATE KEY-----\n{PLANTED}\n-----END RSA PRIVATE KEY-----",
        f"https://hooks.slack.com/services/T0/B0/{PLANTED.replace('-', '')}",
        "token hf_abcdefghijKLMNOPQRST was refused by the hub",
        f"refused: {PLANTED} is no key",
    ],
)
def test_texts_lose_their_secrets(text: str) -> None:
    known = [PLANTED] if "is no key" in text else []
    shown = scrubbed(text, known)
    assert PLANTED not in shown
    assert PLANTED.replace("-", "") not in shown
    assert "hf_" not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "token",
    ["sk_live_0123456789abcdefghij", "ya29.0123456789abcdefghij", "pypi-0123456789abcdefghij",
     "npm_0123456789abcdefghij0123456789", "xapp-0123456789ab", "ghp_0123456789abcdefghij"],
)  # fmt: skip
def test_tokens_of_known_forms_are_hidden(token: str) -> None:
    assert scrubbed(f"the key {token} was refused") == "the key *** was refused"


@pytest.mark.parametrize(
    "text", ["a", "key=", "password", "x: ", "a:/", "login x ", "-----BEGIN PRIVATE KEY-----", "'"]
)
def test_long_texts_are_scrubbed_without_backtracking(text: str) -> None:
    """It would take minutes where the time grows with the square of the length."""
    assert len(scrubbed(text * (200_000 // len(text)))) > 3


@pytest.mark.parametrize(
    "text",
    [
        "unexpected token: { in line 3",
        "KeyError: 'password'",
        "git@github.com:someone/project",
        "mail a@b.invalid or see https://docs.invalid/a?b=c",
        "max_tokens=5000, key_size=3",
        "unexpected token: expected a number here",
        "sorted(items, key=lambda item: item.name)",
        "attention(query, key=key_of_query)",
        "def f(token: str, key: int) -> None:",
        "    password: str | None = None",
        "build() got an unexpected keyword argument 'token'",
        "password=None, secret: None",
        'Missing key(s) in state_dict: "query_key.weight"',
        "basic architectures are 20 % faster",
    ],
)
def test_other_texts_stay(text: str) -> None:
    assert scrubbed(text) == text


def test_a_marked_string_is_used_as_any_other_and_not_shown() -> None:
    marked = secret(PLANTED)
    assert marked == f"{marked}" == PLANTED
    assert repr(marked) == "'***'"
    again = pickle.loads(pickle.dumps(marked))
    assert (again, repr(again)) == (PLANTED, "'***'")


def test_a_changed_secret_has_another_text() -> None:
    first, second = redacted("api_token", "one"), redacted("api_token", "two")
    assert first != second
    assert first == redacted("api_token", "one")
    assert redacted("api_token", str(first)) is None
    assert redacted("data", "https://u:one@h") != redacted("data", "https://u:two@h")
    assert redacted("data", "digits") is None


def test_settings_are_listed_without_secrets() -> None:
    values = {"steps": 3, "api_key": PLANTED, "data": f"s3://u:{PLANTED}@h/b", "x": secret(PLANTED)}
    assert settings_text(values) == "steps=3, api_key=***, data=s3://***@h/b, x=***"


def test_secrets_are_found_in_what_a_task_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    class Holder:
        def __init__(self) -> None:
            self.logger = {"keys": ["one-secret"], "plain": "word"}
            self.itself = self
            self.marked = [secret("two-secret")]
            self.password = b"three-secret"

    monkeypatch.setenv("SOME_API_KEY", "four-secret")
    monkeypatch.setenv("PWD", os.getcwd())
    found = secret_values(Holder(), None)
    assert {"one-secret", "two-secret", "three-secret", "four-secret"} <= found
    assert not found & {"word", os.getcwd()}
