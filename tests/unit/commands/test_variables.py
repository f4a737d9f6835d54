"""What a script's variables can hold is followed, and never trusted beyond what the text says."""

import pytest

from stanch.commands.rating import rate
from stanch.model.risk import Risk, Trait


@pytest.mark.parametrize(
    "script",
    [
        "for ns in prod staging; do kubectl get pods -n $ns; done",
        'ns=prod; kubectl get pods -n "$ns"',
        "ns=prod && kubectl get pods -n $ns",
        "a=pro; b=d; kubectl get pods -n $a$b",
        "x=ls; $x /srv",
        "i=0; while [ $i -lt 5 ]; do kubectl get pods; i=$((i+1)); sleep 1; done",
        "for i in $(seq 1 3); do curl -s https://x/$i; done",
        "for ((i=0;i<3;i++)); do ls; sleep $i; done",
        "kubectl get pods; [ $? -eq 0 ] && ls",
        "kubectl get pods -n $(echo prod)",
        "export NS=prod; kubectl get pods -n $NS",
        "echo $HOME $UNKNOWN",
    ],
)
def test_what_is_known_is_read_only(script: str) -> None:
    rating = rate(script)
    assert rating.risk is Risk.READ_ONLY, rating.because
    assert not rating.runs_without_shell


@pytest.mark.parametrize(
    "script",
    [
        "kubectl get pods -n $NS",
        "if true; then x=ls; fi; $x",
        "false && x=ls; $x",
        "x=ls; read x; $x",
        "x=ls; eval y; $x a",
        "x=ls; x+=a; $x",
        "x=ls; unset x; $x",
        "x=ls; mapfile x; $x",
        "x=ls; printf -v x rm; $x",
        "x=ls; declare -n x; $x",
        "x=ls; source y; $x",
        "IFS=a; x=ls; $x b",
        "x=$(cat f); $x",
        "f() { x=$1; }; x=ls; f rm; $x a",
        "${!x}",
        "echo ${x@P}",
        "echo $((x))",
        "x='a[$(id)]'; echo $((x))",
        "[[ $x -eq 1 ]]",
        "((x))",
    ],
)
def test_what_is_not_known_is_not(script: str) -> None:
    rating = rate(script)
    assert rating.risk is not Risk.READ_ONLY
    assert not rating.runs_without_shell


@pytest.mark.parametrize(
    "script",
    [
        "x=rm; $x -rf /data",
        "if true; then x=rm; fi; $x -rf /data",
        "x=ls; x=rm; $x -rf /data",
        "for v in get delete; do kubectl $v pod y; done",
        "r${nothing}m -rf /data",
        "${x:-rm} -rf /data",
        "$(echo rm) -rf /data",
        "x=$(echo cm0gLXJmIC9kYXRhCg== | base64 -d); $x",
        "x=eval; $x 'rm -rf /data'",
        'f() { "$@"; }; f rm -rf /data',
    ],
)
def test_the_worst_that_it_may_become_counts(script: str) -> None:
    assert rate(script).risk is Risk.DESTRUCTIVE


def test_what_a_shell_has_to_fill_in_is_dynamic() -> None:
    assert Trait.DYNAMIC in rate("kubectl get pods -n $NS").traits
    assert Trait.DYNAMIC in rate("ns=a; kubectl get pods -n $ns").traits
    assert Trait.DYNAMIC not in rate("kubectl get pods -n prod").traits
