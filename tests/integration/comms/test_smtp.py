"""Mail against a real SMTP server."""

import asyncio
import email
import email.policy
import ssl
import subprocess

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from stanch.comms.channels.smtp import Security, SmtpChannel, SmtpSettings
from stanch.model.message import Delivered, Message, NotDelivered

MESSAGE = Message(
    key="incident 7 open On-call smtp a@example.org",
    incident_id="7",
    role="On-call",
    subject="[P1] zwölf\r\nBcc: everyone@example.org",
    body="p95 is 1.4 s\n.\nand a line with a dot above",
    link="http://stanch/incidents/7",
)


class Mailbox:
    """Keeps what it is handed; `refuse` answers RCPT instead."""

    def __init__(self):
        self.mails = []
        self.recipients = []
        self.encrypted = []
        self.refuse = None

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's name
        if self.refuse is not None:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        self.recipients.append(envelope.rcpt_tos)
        self.encrypted.append(session.ssl is not None)
        return "250 OK"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed one for 127.0.0.1."""
    place = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-keyout", place / "key.pem", "-out", place / "cert.pem"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place / "cert.pem", place / "key.pem")
    return context, place / "cert.pem"


@pytest.fixture
def serve(free_port):
    """Start a mail server on a free port, with aiosmtpd's settings."""
    controllers = []

    def start(mailbox, **settings):
        controller = Controller(mailbox, hostname="127.0.0.1", port=free_port, **settings)
        controller.start()
        controllers.append(controller)
        return free_port

    yield start
    for controller in controllers:
        controller.stop()


def channel(port, **settings):
    return SmtpChannel(SmtpSettings(**{"host": "127.0.0.1", "port": port, "sender": "stanch@example.org", **settings}))


async def test_a_message_arrives_as_one_mail_with_one_subject_line(serve):
    mailbox = Mailbox()
    port = serve(mailbox)
    outcome = await channel(port).deliver(MESSAGE, "a@example.org")
    assert isinstance(outcome, Delivered)
    (mail,) = mailbox.mails
    assert mailbox.recipients == [["a@example.org"]]
    assert mail["Subject"] == "[P1] zwölf Bcc: everyone@example.org"
    assert mail["Bcc"] is None
    assert mail["To"] == "a@example.org"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().splitlines() == [*MESSAGE.body.splitlines(), "", MESSAGE.link]


async def test_a_message_sent_again_is_recognised_by_its_id(serve):
    mailbox = Mailbox()
    port = serve(mailbox)
    await channel(port).deliver(MESSAGE, "a@example.org")
    await channel(port).deliver(MESSAGE, "a@example.org")
    first, second = mailbox.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Message-ID"].endswith("@example.org>")


async def test_encryption_is_used_where_it_is_offered(serve, certificate):
    context, trusted = certificate
    mailbox = Mailbox()
    port = serve(mailbox, tls_context=context)
    assert isinstance(await channel(port, ca_file=trusted).deliver(MESSAGE, "a@example.org"), Delivered)
    assert mailbox.encrypted == [True]


async def test_a_certificate_that_nobody_trusts_is_refused_for_good(serve, certificate):
    context, _ = certificate
    mailbox = Mailbox()
    port = serve(mailbox, tls_context=context)
    outcome = await channel(port).deliver(MESSAGE, "a@example.org")
    assert isinstance(outcome, NotDelivered)
    assert not outcome.retry
    assert "not trusted" in outcome.because
    assert mailbox.mails == []


async def test_where_encryption_is_required_nothing_is_sent_without(serve):
    mailbox = Mailbox()
    port = serve(mailbox)
    outcome = await channel(port, security="starttls").deliver(MESSAGE, "a@example.org")
    assert outcome == NotDelivered(because="127.0.0.1 offers no STARTTLS, which the settings require", retry=False)
    assert mailbox.mails == []


def authenticator(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"stanch", b"s3cret"), handled=False)


async def test_a_password_is_never_sent_in_the_clear(serve):
    mailbox = Mailbox()
    port = serve(mailbox, authenticator=authenticator, auth_require_tls=False)
    outcome = await channel(port, username="stanch", password="s3cret").deliver(MESSAGE, "a@example.org")
    assert outcome.because == "127.0.0.1 offers no encryption, and a password is not sent in the clear"
    assert mailbox.mails == []


@pytest.mark.parametrize(("password", "sent"), [("s3cret", True), ("wrong", False)])
async def test_a_login_is_accepted_or_refused_for_good(serve, certificate, password, sent):
    context, trusted = certificate
    mailbox = Mailbox()
    port = serve(mailbox, tls_context=context, authenticator=authenticator, auth_require_tls=True)
    mail = channel(port, ca_file=trusted, username="stanch", password=password)
    outcome = await mail.deliver(MESSAGE, "a@example.org")
    assert isinstance(outcome, Delivered) is sent
    if not sent:
        assert outcome.because == f"127.0.0.1:{port} refused the user or the password (535)"
        assert not outcome.retry


@pytest.mark.parametrize(("answer", "retry"), [("451 try later", True), ("550 no such user", False)])
async def test_a_refused_recipient_says_whether_trying_again_helps(serve, answer, retry):
    mailbox = Mailbox()
    mailbox.refuse = answer
    port = serve(mailbox)
    outcome = await channel(port).deliver(MESSAGE, "a@example.org")
    assert (outcome.retry, outcome.because) == (
        retry,
        f"127.0.0.1:{port} refused a@example.org ({answer[:3]})",
    )


async def test_a_server_that_is_not_there_is_tried_again(free_port):
    outcome = await channel(free_port).deliver(MESSAGE, "a@example.org")
    assert outcome.retry
    assert "cannot be reached: Connection refused" in outcome.because


async def test_a_server_that_hangs_is_given_up_in_time():
    stop = asyncio.Event()

    async def hang(reader, writer):
        await stop.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outcome = await channel(port, timeout_s=0.2).deliver(MESSAGE, "a@example.org")
    stop.set()
    server.close()
    assert outcome == NotDelivered(because=f"127.0.0.1:{port} did not answer in 0.2 s", retry=True)


@pytest.mark.parametrize("address", ["nobody", "a@b@c", "a@example.org\r\nRCPT TO:<b@example.org>", ""])
async def test_what_is_no_mail_address_is_not_tried(free_port, address):
    outcome = await channel(free_port).deliver(MESSAGE, address)
    assert not outcome.retry
    assert "is no mail address" in outcome.because


@pytest.mark.parametrize("text", ["offered", "starttls", "tls"])
def test_settings_take_the_kind_of_protection_as_text(text):
    assert SmtpSettings(host="m", sender="a@b", security=text).security is Security(text)
