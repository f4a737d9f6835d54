"""A proposed patch applies with the `patch` program to the very document, and is read as it was meant."""

import shutil
import subprocess
from pathlib import Path

import pytest

from stanch.learning.patch import Typed, propose
from stanch.learning.practice import Practice
from stanch.model.plan import Step
from stanch.playbook.compile import compile_playbooks

BOOK = """\
# Shop

## Response procedure for P1

1. Warm the caches again
2. Call the provider (5 minutes)
3. Look at the state

   ```bash
   systemctl is-active shop
   ```
"""


def known(step: Step, **changes) -> Practice:
    counts = {"times": 3, "done": 3, "failed": 0, "skipped": 0, "unknown": 0, "median_s": 1.0}
    return Practice(key=step.key, text=step.text, incidents=("1", "2", "3"), **{**counts, **changes})


@pytest.mark.skipif(shutil.which("patch") is None, reason="there is no patch program here")
@pytest.mark.parametrize("book", [BOOK, BOOK.rstrip("\n"), BOOK + "\n\nThe end, without a line feed"])
@pytest.mark.parametrize(("place", "level"), [("shop.md", "-p1"), ("books/shop.md", "-p1")])
def test_it_applies_and_is_read_as_it_was_meant(tmp_path: Path, book: str, place: str, level: str) -> None:
    document = tmp_path / place
    document.parent.mkdir(exist_ok=True)
    document.write_text(book, encoding="utf-8")
    plan = compile_playbooks([(place, book.encode())])
    caches, call, state = plan.of(Step)
    practices = {
        caches.key: known(caches, skipped=3, done=0),
        call.key: known(call, boxed=3, late=3, longest_s=610.0),
        state.key: known(state, outputs=("active",) * 3),
    }
    typed = [Typed(command="journalctl -u shop -n 50", by="ann", after=state.key)]
    proposed = propose(plan.playbooks[0], practices, typed, incident="4", now=0.0)
    assert len(proposed.proposed) + len(proposed.left_out) == 4
    done = subprocess.run(
        ["patch", level, "--batch", "--fuzz=0"],
        input=proposed.diff, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    after = compile_playbooks([(place, document.read_bytes())]).of(Step)
    assert after[0].condition is not None
    assert after[1].due_s == 900.0
    assert after[2].expects == "`active`"
    assert [step.command for step in after[2:]] == ["systemctl is-active shop", "journalctl -u shop -n 50"]
