"""ansible: ad-hoc commands are rated by their module; playbooks cannot be read here."""

import re

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads, unknown
from stanch.commands.options import options, read, words
from stanch.model.pattern import Pattern
from stanch.model.risk import Trait

_COMMON = options(
    "-b/--become -C/--check -D/--diff -k/--ask-pass -K/--ask-become-pass "
    "-J/--ask-vault-password/--ask-vault-pass -o/--one-line -v -vv -vvv --version "
    "--list-hosts --list-tasks --list-tags --syntax-check --flush-cache --step --force-handlers -h/--help",
    "-a/--args -B/--background -c/--connection -e/--extra-vars -f/--forks -i/--inventory/--inventory-file "
    "-l/--limit -m/--module-name -M/--module-path "
    "-P/--poll -T/--timeout -t/--tree -u/--user --become-method --become-user --private-key --key-file "
    "--playbook-dir --scp-extra-args --sftp-extra-args "
    "--ssh-common-args --ssh-extra-args --task-timeout --vault-id --vault-password-file --tags --skip-tags "
    "--start-at-task --become-password-file "
    "--connection-password-file",
)
_READS = words(
    "ping setup gather_facts debug stat find slurp service_facts package_facts getent win_ping fail assert "
    "wait_for uri_ ansible.builtin.ping ansible.builtin.setup ansible.builtin.debug ansible.builtin.stat"
)
_RUNS = words(
    "command shell raw script ansible.builtin.command ansible.builtin.shell ansible.builtin.raw win_shell win_command"
)


_LOOKS_UP = Pattern(r"\{\{.*\b(?:lookup|query|q)\s*\(", re.DOTALL)


def _ansible(call: Call) -> Effect:
    parsed = read(call.arguments, _COMMON)
    if any(_LOOKS_UP.search(word) for word in call.arguments):
        return unknown("its templates may run programs on this machine")
    if parsed.has("--list-hosts"):
        return reads("lists hosts")
    module = parsed.value("--module-name") or "command"
    text = parsed.value("--args") or ""
    hosts = parsed.operand(0)
    if module in _RUNS:
        effect = reads("runs a command on other machines").along(
            call.rater.script(text) if text else changes("runs nothing that can be read")
        )
        if module.endswith("script"):
            effect = changes("runs a script that nobody has rated")
    elif module in _READS:
        effect = reads("asks other machines")
    elif "state=absent" in text or module in {"reboot", "ansible.builtin.reboot"}:
        effect = destroys("removes something on other machines")
    else:
        effect = changes(f"runs the module {module} on other machines")
    if parsed.has("--tree", "--module-path", "--ssh-common-args", "--ssh-extra-args", "--connection", "--playbook-dir"):
        effect = effect.along(changes("writes files, or connects in a way of its own"))
    return parsed.certain(effect).at(host=hosts)


def _playbook(call: Call) -> Effect:
    parsed = read(call.arguments, _COMMON)
    if parsed.has("--list-hosts", "--list-tasks", "--list-tags", "--syntax-check"):
        return parsed.certain(reads("shows what a playbook holds"))
    why = "runs a playbook that nobody has rated"
    if parsed.has("--check"):
        return changes(
            f"{why}, though most of its tasks only say what they would do", hint="--list-tasks only lists them."
        )
    return changes(why, hint="--check --diff shows what most tasks would do.").at(host=parsed.value("--limit"))


def _vault(call: Call) -> Effect:
    if call.arguments[:1] == ("view",):
        return reads("shows what was encrypted", Trait.EXPOSES_SECRETS, Trait.INTERACTIVE)
    return changes("encrypts, decrypts or edits a file", Trait.EXPOSES_SECRETS)


def _verbs(*reading: str) -> Grammar:
    def rate(call: Call) -> Effect:
        if not call.arguments or any(word in reading for word in call.arguments[:1]):
            return reads("shows what is set up")
        return changes("changes what is set up")

    return rate


GRAMMARS: dict[str, Grammar] = {
    "ansible": _ansible,
    "ansible-playbook": _playbook,
    "ansible-pull": _playbook,
    "ansible-vault": _vault,
    "ansible-inventory": lambda call: (
        changes("writes a file")
        if any(word.startswith("--output") for word in call.arguments)
        else reads("shows the inventory", Trait.EXPOSES_SECRETS)
    ),
    "ansible-config": _verbs("list", "dump", "view", "validate"),
    "ansible-doc": lambda _: reads("describes modules"),
    "ansible-galaxy": lambda call: (
        reads("shows what is installed")
        if {"list", "search", "info", "verify"} & set(call.arguments[:2])
        else changes("installs or removes roles")
    ),
    "ansible-lint": lambda call: (
        changes("changes files")
        if any(word.startswith(("--fix", "--write")) for word in call.arguments)
        else reads("checks playbooks")
    ),
    "salt": lambda call: (
        reads("asks other machines")
        if {"test.ping", "grains.items", "status.uptime", "test.version"} & set(call.arguments)
        else changes("runs something on other machines")
    ),
}
