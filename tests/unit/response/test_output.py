"""Output is kept in bounds, in lines, redacted, whatever comes and however it is cut into chunks."""

from hypothesis import given
from hypothesis import strategies as st

from stanch.response.output import Caps, Output, plain
from stanch.response.redaction import Redactor

SMALL = Caps(line=40, head=200, end=100)


def kept(data: bytes, *, sizes: list[int] | None = None, caps: Caps = SMALL, known: tuple[str, ...] = ()) -> str:
    output = Output(Redactor(known), caps)
    sizes = sizes or [len(data) or 1]
    position = 0
    turn = 0
    while position < len(data):
        size = max(1, sizes[turn % len(sizes)])
        output.feed(data[position : position + size])
        position += size
        turn += 1
    return output.finish()


def test_short_output_is_kept_as_it_is() -> None:
    assert kept(b"one\ntwo\n\nthree") == "one\ntwo\n\nthree"


def test_a_flood_keeps_its_head_and_its_end_and_says_what_is_missing() -> None:
    text = kept(b"".join(b"line %05d\n" % number for number in range(10_000)))
    assert text.startswith("line 00000\n")
    assert text.endswith("line 09999")
    assert "bytes left out" in text
    assert len(text) < 400


def test_memory_is_bounded_by_the_caps_and_not_by_what_comes() -> None:
    output = Output(Redactor(), SMALL)
    for _ in range(2_000):
        output.feed(b"x" * 50_000)
    held = len(output._line) + sum(map(len, output._end)) + sum(map(len, output._head))
    assert output.size == 100_000_000
    assert held < 60_000


def test_a_long_line_is_cut_with_its_size() -> None:
    assert kept(b"word " * 100 + b"\nnext").splitlines()[0].endswith("[... of 500 bytes]")


def test_half_a_secret_at_a_cut_does_not_escape() -> None:
    # The redactor would know the whole word; the cut falls into its middle.
    line = b"a " * 78 + b"opensesame-and-more"
    text = kept(line, known=("opensesame-and-more",), caps=Caps(line=40, head=4_000, end=100))
    assert "opens" not in text


def test_half_a_secret_at_the_start_of_the_end_does_not_escape() -> None:
    flood = b"filler line\n" * 100 + b"password=opensesame" + b"\n" + b"z" * 90
    assert "sesame" not in kept(flood)


def test_escape_sequences_and_control_characters_are_gone() -> None:
    assert plain("\x1b[31mred\x1b[0m \x1b]0;title\x07plain\x00") == "red plain\N{REPLACEMENT CHARACTER}"
    assert plain("10%\r50%\r100%\r") == "100%"


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert kept(b"\xff\xfe ok\n") == "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} ok"


@given(st.binary(max_size=2_000), st.lists(st.integers(1, 97), min_size=1, max_size=9))
def test_how_it_is_cut_into_chunks_changes_nothing_below_the_caps(data: bytes, sizes: list[int]) -> None:
    roomy = Caps(line=4_000, head=40_000, end=100)
    assert kept(data, sizes=sizes, caps=roomy) == kept(data, caps=roomy)


@given(st.binary(max_size=5_000), st.lists(st.integers(1, 997), min_size=1, max_size=9))
def test_what_is_kept_stays_within_the_caps_and_storable(data: bytes, sizes: list[int]) -> None:
    text = kept(data, sizes=sizes)
    assert len(text) < 200 + 40 * 2 + 100 * 12 + 200
    assert "\x00" not in text
    text.encode("utf-8")


@given(st.binary(max_size=600), st.binary(max_size=600), st.lists(st.integers(1, 97), min_size=1, max_size=9))
def test_a_known_secret_never_survives_any_chunking(before: bytes, after: bytes, sizes: list[int]) -> None:
    assert "opensesame" not in kept(before + b"opensesame" + after, sizes=sizes, known=("opensesame",))
