"""The webhook against a real HTTP server: what is sent, and what its answers mean."""

import hashlib
import hmac
import json

import pytest
from pydantic import ValidationError

from stanch.comms.channels.webhook import WebhookChannel, WebhookSettings
from stanch.model.clock import ManualClock
from stanch.model.message import Delivered, Message, NotDelivered

MESSAGE = Message(
    key="incident 7 open On-call",
    incident_id="7",
    role="On-call",
    subject="[P1] p95 > 1 s",
    body="zwölf\nlines",
    link="http://stanch/incidents/7",
    data={"service": "booking"},
)


@pytest.fixture
async def channel(receiver):
    made = WebhookChannel(WebhookSettings(url=receiver.url, secret="s3cret", timeout_s=0.5), ManualClock(1700000000.9))
    yield made
    await made.close()


async def test_a_message_is_posted_whole(channel, receiver):
    assert await channel.deliver(MESSAGE, "x") == Delivered(detail="x answered 200")
    (request,) = receiver.received
    assert (request.method, request.path) == ("POST", "/hook?token=secret")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == MESSAGE.key
    assert json.loads(request.body) == {
        "key": MESSAGE.key,
        "incident": "7",
        "role": "On-call",
        "subject": "[P1] p95 > 1 s",
        "body": "zwölf\nlines",
        "urgency": "page",
        "link": "http://stanch/incidents/7",
        "data": {"service": "booking"},
    }


async def test_a_receiver_can_check_the_signature_with_the_secret_alone(channel, receiver):
    await channel.deliver(MESSAGE, "x")
    (request,) = receiver.received
    at, _, signed = request.headers["stanch-signature"].partition(",")
    expected = hmac.new(b"s3cret", at.removeprefix("t=").encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert at == "t=1700000000"
    assert signed == f"v1={expected}"


async def test_without_a_secret_nothing_is_signed(receiver):
    channel = WebhookChannel(WebhookSettings(url=receiver.url), ManualClock())
    await channel.deliver(MESSAGE, "x")
    await channel.close()
    assert "stanch-signature" not in receiver.received[0].headers


@pytest.mark.parametrize(
    ("status", "retry"),
    [
        (400, False),
        (401, False),
        (404, False),
        (410, False),
        (408, True),
        (425, True),
        (429, True),
        (500, True),
        (503, True),
    ],
)
async def test_an_error_says_whether_trying_again_helps(channel, receiver, status, retry):
    receiver.answer = lambda _: (status, {})
    outcome = await channel.deliver(MESSAGE, "https://hook")
    assert isinstance(outcome, NotDelivered)
    assert outcome.retry is retry
    assert outcome.because.startswith(f"https://hook answered {status} ")


@pytest.mark.parametrize(
    ("advice", "after_s"), [("7", 7.0), ("99999", 300.0), ("soon", None), ("-3", None), ("²", None)]
)
async def test_the_receiver_may_say_when_to_come_again(channel, receiver, advice, after_s):
    receiver.answer = lambda _: (429, {"Retry-After": advice.encode("latin-1", "replace").decode("latin-1")})
    outcome = await channel.deliver(MESSAGE, "x")
    assert outcome.retry_after_s == after_s


async def test_a_redirect_is_not_followed(channel, receiver):
    receiver.answer = lambda _: (302, {"Location": "http://169.254.169.254/"})
    outcome = await channel.deliver(MESSAGE, "x")
    assert not outcome.retry
    assert "redirects are not followed" in outcome.because
    assert len(receiver.received) == 1


async def test_a_receiver_that_says_nothing_is_given_up_in_time(channel, receiver):
    receiver.answer = lambda _: None
    assert await channel.deliver(MESSAGE, "x") == NotDelivered(because="x did not answer in 0.5 s", retry=True)


async def test_a_receiver_that_is_not_there_is_tried_again(free_port):
    channel = WebhookChannel(WebhookSettings(url=f"http://127.0.0.1:{free_port}/"), ManualClock())
    outcome = await channel.deliver(MESSAGE, "x")
    await channel.close()
    assert outcome.retry
    assert outcome.because.startswith("x cannot be reached")


async def test_what_may_be_secret_in_the_address_is_not_shown(channel, receiver):
    assert channel.addresses("On-call", ()) == ("http://127.0.0.1",)


@pytest.mark.parametrize("url", ["ftp://x/", "nonsense", "http://", "file:///etc/passwd", "http://a b/"])
def test_an_address_that_cannot_be_posted_to_is_refused_with_the_settings(url):
    with pytest.raises(ValidationError, match="url"):
        WebhookSettings(url=url)
