"""A document in another language says so, and nothing in it is armed."""

import pytest

from playbook_reading import CLINIC, armed, codes
from stanch.playbook.language import other_language

SPANISH = """
# Manual de incidentes

## Alertas

- Tasa de error superior al 5% durante 5 minutos: avisar al equipo de guardia
- Latencia p95 > 2 segundos en los \u00faltimos 10 minutos
- CPU > 90%

## Qu\u00e9 hacer

1. Revisar el panel y los registros de la aplicaci\u00f3n
2. Reiniciar el servicio si la memoria es mayor que el 90%
"""


def test_nothing_in_it_is_armed_and_it_is_said_once() -> None:
    assert armed(SPANISH) == []
    assert codes(SPANISH) == ["other-language"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (
            (
                "Wenn die Fehlerrate \u00fcber 5% ist, wird der Dienst neu gestartet und das Team auf dem Kanal"
                " f\u00fcr St\u00f6rungen von der Leitung informiert, damit die Kunden nicht warten"
            ),
            "German",
        ),
        (
            (
                "Si le taux d'erreur est sup\u00e9rieur \u00e0 5% pendant 5 minutes, pr\u00e9venir l'\u00e9quipe"
                " et v\u00e9rifier les journaux de l'application dans le tableau de bord pour les clients avec la"
                " base"
            ),
            "French",
        ),
        (
            (
                "\u041f\u0440\u0438 \u043f\u0440\u0435\u0432\u044b\u0448\u0435\u043d\u0438\u0438"
                " \u043f\u043e\u0440\u043e\u0433\u0430 \u043e\u0448\u0438\u0431\u043e\u043a "
            )
            * 10,
            "Russian",
        ),
        ("\u30a8\u30e9\u30fc \u7387 \u304c \u95be\u5024 \u3092 \u8d85\u3048\u305f \u5834\u5408 " * 10, "Japanese"),
    ],
)
def test_languages_are_told_by_their_small_words_or_script(text: str, language: str) -> None:
    found = other_language(text)
    assert found is not None
    assert found.startswith((language, "Chinese or Japanese"))


@pytest.mark.parametrize(
    "text",
    [
        CLINIC.read_text(),
        "Short.",
        "kubectl get pods -n prod\n" * 50,
        "- Error rate > 5%\n- CPU > 80%\n- Memory > 90%\n" * 10,
        (
            "Jos\u00e9 and Fran\u00e7ois are on call in S\u00e3o Paulo; call them if the error rate is above 5%"
            " for the API or when it is down."
        )
        * 3,
    ],
    ids=["clinic", "short", "commands", "fragments", "names"],
)
def test_english_commands_and_fragments_are_not_another_language(text: str) -> None:
    assert other_language(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "## Procedure\n\n" + "\n".join(f"{i}. Run: `kubectl delete pod a{i} -o e -n no`" for i in range(60)),
        "| a | b | e | o |\n" * 40 + "error rate > 5%\n",
        "\n\n".join(f"Name {i}: value\n- a\n- o" for i in range(60)),
    ],
)
def test_letters_and_commands_are_words_of_no_language(text: str) -> None:
    assert other_language(text) is None
