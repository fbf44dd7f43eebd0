"""Database URLs: what is wrong with one is said without what is secret in it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import raynas as nas
from raynas.errors import StoreError
from raynas.store import database
from raynas.store.store_url import is_database, without_secrets
from raynas.testing import TinyNet

PLANTED = "pl4nt3d-Xq"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u:p@{}@h.invalid/db", "of a password are written as %40"),
        ("postgresql://u:{}@[::1/db", "of a password are written as %40"),
        ("mysql://u:{}@h:port/db", "of a password are written as %40"),
        ("postgresql://u:a/{}@127.0.0.1:9/db", "refused"),
        ("postgresql:/u:{}@h.invalid/db", "two slashes after the colon"),
        ("nosuch://u:{}@h.invalid/db", "no database called 'nosuch'.*use postgresql://"),
        ("postgresql://127.0.0.1:9/db?user=u&password={}", "refused"),
        ("postgresql://u:{}@127.0.0.1:9/db", "refused"),
        ("postgresql://u:a%40{}@127.0.0.1:9/db?sslpassword={}", "refused"),
    ],
)
def test_no_error_shows_a_password(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words) as refusal:
        nas.AskTell(TinyNet, store=url.format(PLANTED, PLANTED))
    assert PLANTED not in str(refusal.value)


def test_what_a_driver_repeats_is_hidden() -> None:
    url = f"postgresql://u:a%2F{PLANTED}@h/db?password={PLANTED}2"
    for said in (f"a/{PLANTED}", f"a%2F{PLANTED}", f"{PLANTED}2", f"resolve '{PLANTED}@h'"):
        assert PLANTED not in without_secrets(f"failed: {said}", url)


def test_paths_are_no_urls() -> None:
    assert not is_database("results/search.journal")
    assert not is_database("C:/search.journal")
    assert not is_database("/mnt/a:b/search.journal")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://u:{}@h/db", r"driver pymysql is not installed .*pip install 'raynas\[mysql\]'"),
        ("mysql+asyncmy://h/db", r"omit “\+asyncmy” and pip install 'raynas\[mysql\]'"),
        ("oracle://h/db", "install "),
    ],
)
def test_a_missing_driver_names_its_extra(
    url: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise ImportError("Failed to import DB access module for the specified storage URL.")

    monkeypatch.setattr(database, "RDBStorage", missing)
    with pytest.raises(StoreError, match=words) as refusal:
        nas.AskTell(TinyNet, store=url.format(PLANTED))
    assert PLANTED not in str(refusal.value)


def test_optuna_stays_as_verbose_as_the_user_has_it() -> None:
    code = """
import optuna
before = optuna.logging.get_verbosity()
import raynas as nas
from raynas.testing import TinyNet
import raynas.controllers.optuna
nas.AskTell(TinyNet, controller="tpe", store=optuna.storages.InMemoryStorage()).ask()
assert optuna.logging.get_verbosity() == before == optuna.logging.INFO
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
