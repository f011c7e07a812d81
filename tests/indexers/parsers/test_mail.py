"""Mails: header lines, the right body, what is inside and attached, and no crash on malformed ones."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexers.errors import Broken, Empty, Encrypted, FileError
from indexers.parsers import mail as mail_module
from indexers.parsers.mail import parse_eml, parse_msg
from indexers.protocols import Source
from indexers.types import Attachment, Parsed


def read(data: bytes | EmailMessage, tmp_path: Path) -> Parsed:
    path = tmp_path / "mail.eml"
    path.write_bytes(data if isinstance(data, bytes) else data.as_bytes())
    return parse_eml(Source(path, path.name, "eml"))


def texts(parsed: Parsed) -> list[list[str]]:
    return [[piece.text for piece in block.pieces] for block in parsed.blocks]


def make(body: str = "Hello", subject: str = "Lease") -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "Ann <ann@example.org>", "bob@example.org"
    message["Date"] = "Wed, 01 May 2024 10:00:00 +0200"
    message.set_content(body)
    return message


def test_headers_then_paragraphs_and_quotes_apart(tmp_path: Path) -> None:
    parsed = read(make("Hi Bob,\n\nit ends in May,\nI think.\n> When?\n"), tmp_path)
    assert texts(parsed) == [
        [
            "Subject: Lease",
            "From: Ann <ann@example.org>",
            "To: bob@example.org",
            "Date: Wed, 01 May 2024 10:00:00 +0200",
        ],
        ["Hi Bob,"],
        ["it ends in May,", "I think."],
        ["> When?"],
    ]
    assert parsed.title == "Lease"
    assert parsed.metadata == {"author": "Ann <ann@example.org>", "date": "2024-05-01T10:00:00+02:00"}


@pytest.mark.parametrize(
    ("plain", "html", "expected"),
    [
        ("It ends in May.", "<p>It ends <b>in May.</b></p>", [["It ends in May."]]),
        (
            "See the HTML",
            "<h1>Lease</h1><p>See the table in the attached HTML for terms",
            [["See the table in the attached HTML for terms"]],
        ),
        ("Alpha beta gamma", "<p>one two three four", [["Alpha beta gamma"], ["one two three four"]]),
    ],
)
def test_the_better_alternative_is_read(plain: str, html: str, expected: list[list[str]], tmp_path: Path) -> None:
    message = make(plain)
    message.add_alternative(html, subtype="html")
    assert texts(read(message, tmp_path))[1:] == expected


def test_attachments_forwarded_mail_pixels_and_signatures(tmp_path: Path) -> None:
    message = make()
    message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="../../etc/größe.pdf")
    message.add_attachment(b"PNG" * 9, maintype="image", subtype="png")
    message.add_attachment(b"GIF", maintype="image", subtype="gif", disposition="inline", cid="<1>")
    message.add_attachment(b"sig", maintype="application", subtype="pkcs7-signature", filename="smime.p7s")
    inner = make("the inner text", "Old news")
    inner.add_attachment("x,y", subtype="csv", filename="a.csv")
    message.add_attachment(inner)
    parsed = read(message, tmp_path)
    assert [(a.name, a.data.strip()) for a in parsed.attachments] == [
        ("größe.pdf", b"%PDF-1.4"),
        ("attachment-2.png", b"PNG" * 9),
        ("a.csv", b"x,y"),
    ]
    assert parsed.blocks[-1].headings == ("Old news",)
    assert texts(parsed)[-1] == ["the inner text"]


def test_wrong_and_missing_charsets(tmp_path: Path) -> None:
    head = b"Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\nContent-Type: text/plain; charset=%s\n\n"
    for charset, body in ((b"no-such", "größer".encode()), (b"us-ascii", "größer".encode("cp1252"))):
        parsed = read(head % charset + body, tmp_path)
        assert (parsed.title, texts(parsed)[-1]) == ("Größe", ["größer"])
    assert read(make("größer").as_string().encode("utf-16"), tmp_path).title == "Lease"


def test_malformed_headers_are_taken_as_they_come(tmp_path: Path) -> None:
    raw = b"Subject: =?utf-8?b?!!!?= x\nDate: yesterday\nFrom: \xff\xfe <a@b\nTo: ,;,\n\nbody"
    parsed = read(raw, tmp_path)
    assert texts(parsed)[-1] == ["body"]
    assert "date" not in parsed.metadata


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: x\nContent-Type: multipart/encrypted; boundary=b\n\n--b\n\nVersion: 1\n--b--",
        b"Subject: x\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nMIAG",
        b"Subject: x\n\n-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----",
    ],
)
def test_encrypted_mail(raw: bytes, tmp_path: Path) -> None:
    with pytest.raises(Encrypted, match="encrypted"):
        read(raw, tmp_path)


def test_empty_and_too_deep_mail(tmp_path: Path) -> None:
    with pytest.raises(Empty):
        read(b"", tmp_path)
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000))
    with pytest.raises(Broken, match="deep"):
        read(b"Subject: x\n" + deep + b"\ntext", tmp_path)


def test_a_charset_that_is_no_name_is_guessed(tmp_path: Path) -> None:
    raw = (
        b"Subject: Lease\nX-Long: "
        + b"x" * 80
        + b'\nContent-Type: text/plain; charset="ut\0f-8"\n\nThe caf\xc3\xa9 ends in May.\n'
    )
    assert any("ends in May" in piece.text for block in read(raw, tmp_path).blocks for piece in block.pieces)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_mail_is_read_or_a_file_error(data: st.DataObject, tmp_path: Path) -> None:
    message = make("Grüße\n\nan alle")
    message.add_alternative("<p>Grüße<table><tr><td>1", subtype="html")
    message.add_attachment(b"x" * 50, maintype="application", subtype="pdf", filename="größe.pdf")
    raw = bytearray(message.as_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        parsed = read(bytes(raw), tmp_path)
    except FileError:
        return
    assert parsed.blocks or parsed.attachments


def test_what_is_no_outlook_mail_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "a.msg"
    for data in (b"", b"no mail", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)):
        path.write_bytes(data)
        with pytest.raises(Broken):
            parse_msg(Source(path, path.name, "msg"))


class _Properties:
    def __init__(self, values: dict[int, object]) -> None:
        self._values = values

    def str_prop_value(self, pid: int) -> object:
        return self._values.get(pid)

    binary_prop_value = str_prop_value


class _Outlook:
    """An Outlook mail as python-oxmsg gives it: no library writes such files."""

    subject, sender, sent_date, body = "Lease", "Ann <a@b.org>", None, "Hello\r\nBob"
    recipients = ()

    def __init__(self, message_class: str = "IPM.Note") -> None:
        self.message_class = message_class
        self.properties = _Properties({0x007D: "To: bob@b.org\r\nDate: Wed, 1 May 2024 10:00:00 +0200\r\n\r\n"})
        self.attachments = [type("A", (), {"file_name": None, "file_bytes": b"%PDF", "mime_type": "application/pdf"})]


def test_outlook_mail_has_the_same_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import oxmsg

    monkeypatch.setattr(oxmsg.Message, "load", lambda _: _Outlook())
    source = Source(tmp_path / "a.msg", "a.msg", "msg")
    parsed = mail_module.parse_msg(source)
    assert texts(parsed) == [
        ["Subject: Lease", "From: Ann <a@b.org>", "To: bob@b.org", "Date: Wed, 1 May 2024 10:00:00 +0200"],
        ["Hello", "Bob"],
    ]
    assert parsed.attachments == (Attachment("attachment-1.pdf", b"%PDF"),)
    assert parsed.metadata["date"] == "2024-05-01T10:00:00+02:00"
    monkeypatch.setattr(oxmsg.Message, "load", lambda _: _Outlook("IPM.Note.SMIME"))
    with pytest.raises(Encrypted, match="S/MIME"):
        mail_module.parse_msg(source)
