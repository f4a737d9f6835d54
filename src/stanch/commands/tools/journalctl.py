"""journalctl: the journal of a Linux machine. It reads, but can follow without end, and can delete what is old."""

from stanch.commands.effect import Call, Effect, changes, destroys, reads
from stanch.commands.options import options, read
from stanch.model.risk import Trait

INERT = ("-u", "--unit", "-S", "--since", "-U", "--until", "-n", "--lines", "-p", "--priority", "-g", "--grep")

_OPTIONS = options(
    "-a/--all -e/--pager-end -f/--follow -F/--field -k/--dmesg -l/--full -m/--merge -N/--fields -q/--quiet -r/--reverse -x/--catalog "
    "--disk-usage --flush --header --list-boots --list-catalog --dump-catalog --no-full --no-hostname --no-pager --no-tail "
    "--relinquish-var --rotate --setup-keys --smart-relinquish-var --sync --system --update-catalog --user --utc --verify "
    "--force --truncate-newline --show-cursor -h/--help --version --list-namespaces",
    "-b -c/--cursor -D/--directory -g/--grep -i/--file -M/--machine -o/--output -p/--priority -S/--since -t/--identifier "
    "-T/--exclude-identifier -u/--unit -U/--until --after-cursor --case-sensitive --cursor-file --facility --image --interval "
    "--namespace --output-fields --root --user-unit --vacuum-files --vacuum-size --vacuum-time --verify-key",
    "-n/--lines --boot --case-sensitive --output-fields",
)


def rate(call: Call) -> Effect:
    arguments = _with_optional_values(call.arguments)
    parsed = read(arguments, _OPTIONS)
    effect = reads("shows the journal").at(resource=parsed.value("--unit"), host=parsed.value("--machine"))
    if parsed.has("--vacuum-files", "--vacuum-size", "--vacuum-time"):
        return destroys("deletes what is old in the journal")
    if parsed.has(
        "--rotate",
        "--flush",
        "--sync",
        "--setup-keys",
        "--update-catalog",
        "--relinquish-var",
        "--smart-relinquish-var",
    ):
        return changes("changes how the journal is kept")
    if parsed.has("--cursor-file"):
        effect = changes("writes where it stopped into a file")
    if parsed.has("--follow"):
        effect = effect.having(Trait.ENDLESS).hinting(
            "Without -f it ends by itself; --since '10 min ago' keeps it short."
        )
    return parsed.certain(effect)


def _with_optional_values(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """`-b` takes a value only where the next word looks like a boot; `-n` only where it is a number."""
    found: list[str] = []
    for index, word in enumerate(arguments):
        following = arguments[index + 1] if index + 1 < len(arguments) else ""
        if word == "-b":
            found.append("--boot")
        elif (index and arguments[index - 1] == "-b" and _is_boot(word)) or (
            word == "-n" and following.lstrip("+").isdigit()
        ):
            continue
        elif index and arguments[index - 1] == "-n" and word.lstrip("+").isdigit():
            found.append(f"--lines={word}")
        else:
            found.append(word)
    return tuple(found)


def _is_boot(word: str) -> bool:
    return word.lstrip("+-").isdigit() or (len(word) == 32 and all(digit in "0123456789abcdef" for digit in word))
