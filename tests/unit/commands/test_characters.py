"""Characters that show a person something else than the shell reads."""

import pytest

from stanch.commands.characters import suspicious, suspicious_outside_quotes


@pytest.mark.parametrize(
    "text",
    [
        "ls\u200b",
        "ls\u00a0-l",
        "\u202els",
        "\ufeffls",
        "l\u0455",
        "kub\u0435ctl",
        "\uff4cs",
        "\U0001d425s",
        "a\u00adb",
        "a\r",
        "a\x00",
        "\u3164",
        "a\ufe0f",
        "\u2800",
        "\udcff",
    ],
)
def test_what_cannot_be_seen_or_looks_like_something_else_is_named(text: str) -> None:
    why = suspicious(text)
    assert why is not None
    assert "U+" in why


@pytest.mark.parametrize(
    "text",
    ["grep 'ошибка' log", "grep Müller", "日本語", "naïve café", "10 µs", "\tls\n", "—", "✓", "kubectl get pods"],
)
def test_other_languages_are_no_reason(text: str) -> None:
    assert suspicious(text) is None


@pytest.mark.parametrize("text", ["\u2013n", "\u201cls\u201d", "ls\uff5ccat", "ls\u037eid", "\u2014all"])
def test_punctuation_outside_quotes_may_not_look_like_the_shells(text: str) -> None:
    assert suspicious_outside_quotes(text, ()) is not None


def test_letters_outside_quotes_may_be_of_any_language() -> None:
    assert suspicious_outside_quotes("Müller_ошибка_日本", ()) is None
