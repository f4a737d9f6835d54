"""The client's reading of a stream, cut into chunks at any byte."""

import pytest

from stanch.cli.client import Message, _messages

STREAM = (
    b"retry: 1000\n\n"
    b'id: [1,{},{}]\nevent: event\ndata: {"text":"one"}\n\n'
    b": still here\n\n"
    + 'id: [2,{},{}]\nevent: output\ndata: {"text":"two \u2028 \x85 \u2029 \\n lines \u00e4"}\n\n'.encode()
    + b'id: [3,{},{}]\nevent: end\ndata: {"text":"cut'
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, len(STREAM)])
def test_messages_are_whole_however_they_are_cut_and_half_a_message_is_none(size: int):
    chunks = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    assert list(_messages(chunks)) == [
        Message(id="[1,{},{}]", data={"text": "one"}),
        Message(id="[2,{},{}]", data={"text": "two \u2028 \x85 \u2029 \n lines \u00e4"}),
    ]
