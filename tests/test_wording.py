from __future__ import annotations

from raynas.wording import counted, moment, sentence


def test_numbers_agree_in_number() -> None:
    assert counted(1, "trial") == "1 trial"
    assert counted(0, "trial") == "0 trials"
    assert counted(1234, "class", "classes") == "1,234 classes"


def test_times_carry_their_zone() -> None:
    assert moment(0.0) == "1970-01-01 00:00:00 UTC"
    assert moment(59.0, to="minutes") == "1970-01-01 00:00 UTC"


def test_what_others_say_becomes_a_sentence() -> None:
    assert sentence("the last failed") == "The last failed."
    assert sentence("trials.csv has the error") == "trials.csv has the error."
    assert sentence("Is it?") == "Is it?"
