"""What the load generator counts, and how it behaves towards a server that refuses."""

import asyncio
import random

import pytest

from clinic import load
from clinic.http_client import Answer, Unanswered
from clinic.http_client import _read as read
from clinic.load import Tally, percentile

OK = Answer(status=200)
REFUSAL = Answer(status=503, headers={"retry-after": "2"})


@pytest.mark.parametrize(
    ("times", "share", "expected"),
    [
        ([], 0.95, None),
        ([3.0], 0.5, 3.0),
        ([3.0], 0.95, 3.0),
        ([4.0, 1.0, 3.0, 2.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.95, 95.0),
        ([float(n) for n in range(1, 11)], 0.95, 10.0),
    ],
)
def test_a_percentile_is_the_nearest_rank(times: list[float], share: float, expected: float | None) -> None:
    random.Random(7).shuffle(times)
    assert percentile(times, share) == expected


def test_a_line_tells_the_second() -> None:
    tally = Tally()
    for took in (0.1, 0.2, 0.3):
        tally.add(OK, took)
    tally.add(Answer(status=500), 0.4)
    tally.add(None, 60.0)
    assert tally.line(1_700_000_000.1234) == {
        "at": 1_700_000_000.123,
        "ok": 3,
        "refused": 0,
        "failed": 2,
        "p50_s": 0.3,
        "p95_s": 60.0,
    }


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        (Answer(status=201), "ok"),
        (Answer(status=304), "ok"),
        (REFUSAL, "refused"),
        (Answer(status=429), "refused"),
        (Answer(status=503), "failed"),
        (Answer(status=404), "failed"),
        (None, "failed"),
    ],
)
def test_an_answer_is_one_of_ok_refused_and_failed(answer: Answer | None, counted: str) -> None:
    tally = Tally()
    tally.add(answer, 0.1)
    assert {name: getattr(tally, name) for name in ("ok", "refused", "failed")} == {
        "ok": 0,
        "refused": 0,
        "failed": 0,
        counted: 1,
    }


def test_quick_refusals_do_not_make_the_percentiles_look_well() -> None:
    tally = Tally()
    tally.add(OK, 5.0)
    for _ in range(99):
        tally.add(REFUSAL, 0.001)
    assert tally.line(0.0)["p50_s"] == 5.0


@pytest.mark.parametrize(
    ("answer", "pause_s"),
    [
        (OK, 0.0),
        (REFUSAL, 2.0),
        (Answer(status=503, headers={"retry-after": "86400"}), 30.0),
        (Answer(status=503, headers={"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}), 0.0),
        (None, 0.5),
    ],
)
def test_a_user_comes_again_when_asked_to(answer: Answer | None, pause_s: float) -> None:
    assert load._pause(answer) == pause_s


async def parse(content: bytes) -> Answer:
    reader = asyncio.StreamReader()
    reader.feed_data(content)
    reader.feed_eof()
    return await read(reader)


async def test_an_answer_with_a_length_is_read() -> None:
    answer = await parse(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After:  1\r\nContent-Length: 2\r\n\r\n{}")
    assert (answer.status, answer.headers["retry-after"], answer.body) == (503, "1", b"{}")


async def test_an_answer_in_chunks_is_read() -> None:
    answer = await parse(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: 1\r\n\r\n"
    )
    assert answer.body == b"abcde"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: much\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
)
async def test_what_is_no_answer_is_said_so(content: bytes) -> None:
    with pytest.raises(Unanswered):
        await parse(content)
