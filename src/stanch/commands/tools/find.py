"""find: lists files, but `-exec` runs commands, `-delete` deletes and `-fprint` writes. And fd, locate's younger kin."""

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads
from stanch.commands.options import options, read, words
from stanch.model.risk import Risk, Trait

_TESTS = words(
    "-amin -anewer -atime -cmin -cnewer -context -ctime -fstype -gid -group -ilname -iname -inum -ipath -iregex -iwholename "
    "-links -lname -mmin -mtime -name -newer -path -perm -regex -samefile -size -type -uid -used -user -wholename -xtype "
    "-maxdepth -mindepth -regextype -printf -D -newermt -newerat -newerct -newermm -newerBt -newerma -newermc -newerac -files0-from -since"
)
_FLAGS = words(
    "-H -L -P -O0 -O1 -O2 -O3 -a -and -o -or -not ! ( ) , -daystart -depth -d -follow -help --help -ignore_readdir_race "
    "-mount -noignore_readdir_race -noleaf -nowarn -version --version -warn -xdev -x -empty -executable -false -nogroup "
    "-nouser -readable -true -writable -ls -print -print0 -prune -quit -E -X -s"
)
_RUNS = words("-exec -execdir -ok -okdir")
_WRITES = words("-fprint -fprint0 -fls")


def _find(call: Call) -> Effect:
    effect = reads("lists files")
    arguments = call.arguments
    index = 0
    while index < len(arguments):
        word = arguments[index]
        index += 1
        if word in _RUNS:
            end = index
            while (
                end < len(arguments)
                and arguments[end] != ";"
                and not (arguments[end] == "+" and arguments[end - 1] == "{}")
            ):
                end += 1
            effect = effect.along(_runs(call, word, arguments[index:end]))
            index = end + 1
        elif word == "-delete":
            effect = effect.along(
                destroys("deletes every file that it finds", hint="Run it with -print instead of -delete first.")
            )
        elif word in _WRITES:
            effect = effect.along(changes("writes a list into a file"))
            index += 1
        elif word == "-fprintf":
            effect = effect.along(changes("writes a list into a file"))
            index += 2
        elif word in _TESTS:
            index += 1
        elif word.startswith("-") and word not in _FLAGS and word != "-":
            effect = effect.raised(Risk.MUTATING, f"the test {word} is not known")
    return effect


def _runs(call: Call, word: str, command: tuple[str, ...]) -> Effect:
    effect = call.rater.argv(command) if command else changes("runs nothing that can be read")
    if command and any("{}" in part for part in command[:1]):
        effect = effect.along(destroys("runs every file that it finds"))
    elif any("{}" in part for part in command) and not call.rater.is_harmless(command):
        effect = effect.raised(Risk.MUTATING, "the names that it finds become arguments")
    return effect.having(Trait.INTERACTIVE) if word in {"-ok", "-okdir"} else effect


_FD = options(
    "-H/--hidden -I/--no-ignore -u/--unrestricted -s/--case-sensitive -i/--ignore-case -g/--glob -F/--fixed-strings "
    "-a/--absolute-path -l/--list-details -L/--follow -p/--full-path -0/--print0 -1 -q/--quiet -h/--help -V/--version",
    "-d/--max-depth -t/--type -e/--extension -E/--exclude -S/--size -c/--color -j/--threads --changed-within "
    "--changed-before --max-results --min-depth --exact-depth -o/--owner --base-directory --search-path",
)


def _fd(call: Call) -> Effect:
    arguments = call.arguments
    for index, word in enumerate(arguments):
        if word in {"-x", "--exec", "-X", "--exec-batch"}:
            return reads("lists files").along(_runs(call, "-exec", (*arguments[index + 1 :], "{}")))
    return read(arguments, _FD).certain(reads("lists files"))


GRAMMARS: dict[str, Grammar] = {"find": _find, "gfind": _find, "fd": _fd, "fdfind": _fd}
