"""Values that are secrets by a mark or by their name, wherever they are held."""

from __future__ import annotations

import os
import pickle

import pytest

from raynas.redaction import redacted, secret, secret_values, settings_text

PLANTED = "pl4nt3d-Xq"


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
