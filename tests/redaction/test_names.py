"""Names of secrets, and names in machine learning that only resemble them."""

from __future__ import annotations

import pytest

from raynas.redaction import is_secret_name


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
        "csrftoken",
        "PHPSESSID",
        "wandb_key",
        "hf_tokens",
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
        "num_tokens",
        "tokens_per_second",
        "pad_token",
        "cls_token",
        "image_key",
        "metric_key",
        "sort_keys",
        "primary_key",
        "public_key",
    ],
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)
