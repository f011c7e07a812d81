"""Mails (eml, msg): the headers, the text, forwarded mails inside, and the attachments as documents.

The two formats are read into one ``_Mail`` and laid out alike: a block of header lines, then the text, under
no heading but those of the mail itself; a forwarded mail stands under its subject. Mail in the wild breaks
every rule, so headers are taken as they come and text is decoded by ``encoding.decode`` rather than by what
a part claims. Of two alternatives of the text, the plain one is taken if it says what the HTML says.
"""

from __future__ import annotations

import mimetypes
import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Any

from indexers.errors import Broken, Empty, Encrypted, FileError, Unreadable
from indexers.parsers.encoding import decode
from indexers.parsers.flow import Flow, add_lines, iso_date, known
from indexers.parsers.web import decode_html
from indexers.parsers.web_main import hidden_parts
from indexers.parsers.web_page import add_markup, parse_markup
from indexers.protocols import Source
from indexers.types import Attachment, Parsed

_SHOWN = ("Subject", "From", "To", "Cc", "Date")
_SAME_WORDS = 0.7  # of the HTML's words that must be in the plain text for it to say the same
_MAX_DEPTH = 20  # of mails in mails
_PIXEL_BYTES = 1024  # inline pictures below this are trackers and spacers
_SIGNATURES = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature"})
_PGP = "-----BEGIN PGP MESSAGE-----"
# What the parsers of header values and transfer encodings raise on malformed ones.
_MALFORMED = (ValueError, LookupError, TypeError, AttributeError, OverflowError)


@dataclass(slots=True)
class _Mail:
    """One mail, whatever format it came in."""

    headers: dict[str, str] = field(default_factory=dict)
    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    forwarded: list[_Mail] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)


def parse_eml(source: Source) -> Parsed:
    """Reads a mail as it was sent.

    Raises:
        FileError: it is encrypted, holds no text or can not be read.
    """
    try:
        data = source.path.read_bytes()
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:64]:
        data = decode(data).encode("utf-8", "replace")  # saved by an editor as UTF-16
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    try:
        # compat32 keeps headers as they stand; policy.default parses them and can fail on malformed ones.
        return _parsed(_read_message(message_from_bytes(data, policy=policy.compat32), 0), source)
    except RecursionError as error:
        raise Broken("its parts are nested too deeply") from error


def parse_msg(source: Source) -> Parsed:
    """Reads a mail as Outlook saves it.

    Raises:
        FileError: it is damaged, encrypted or holds no text.
    """
    from oxmsg import Message as OutlookMessage
    from oxmsg.domain import constants

    try:
        message = OutlookMessage.load(str(source.path))
        kind = message.message_class.lower()
        if ".smime" in kind and "multipartsigned" not in kind:
            raise Encrypted("encrypted with S/MIME; needs its owner's key")
        transport = message_from_bytes(
            (message.properties.str_prop_value(constants.PID_TRANSPORT_MESSAGE_HEADERS) or "").encode()
        )
        sent = message.sent_date
        mail = _Mail(
            headers={
                "Subject": message.subject,
                "From": message.sender or "",
                "To": _header(transport, "To") or _recipients(message),
                "Cc": _header(transport, "Cc"),
                "Date": _header(transport, "Date") or (sent.isoformat() if sent else ""),
            }
        )
        mail.plain.append((message.body or "").replace("\r\n", "\n").replace("\r", "\n"))
        mail.html += _outlook_html(message, constants)
        _keep_plain(mail, source)
        for attachment in message.attachments:
            name, content, kind = attachment.file_name, attachment.file_bytes, attachment.mime_type or ""
            if kind == "application/pgp-encrypted":
                raise Encrypted("encrypted with PGP; needs its owner's key")
            if content and kind not in _SIGNATURES:
                mail.attachments.append(_attachment(name or "", content, kind, mail))
    except FileError:
        raise
    except (*_MALFORMED, OSError, AssertionError, struct.error, RecursionError) as error:
        raise Broken("damaged: it is no Outlook mail inside") from error
    return _parsed(mail, source)


def _recipients(message: Any) -> str:
    people = ((one.name, one.email_address) for one in message.recipients)
    return ", ".join(f"{name} <{address}>" if name and address else name or address for name, address in people)


def _outlook_html(message: Any, constants: Any) -> list[str]:
    """The HTML body; its bytes are decoded here, because the library gives up on a wrong code page."""
    data = message.properties.binary_prop_value(constants.PID_HTML)
    if data:
        return [decode_html(data)]
    text = message.properties.str_prop_value(constants.PID_BODY_HTML)
    return [text] if text else []


def _read_message(message: Message, depth: int) -> _Mail:
    mail = _Mail(headers={name: _header(message, name) for name in _SHOWN})
    stack: list[Message] = [message]
    while stack:
        part = stack.pop()
        kind = part.get_content_type()
        if kind == "multipart/encrypted" or _is_enveloped(part):
            raise Encrypted("encrypted; needs its owner's key")
        # Asked for only where it is a list: a text is decoded on the way, and a charset with a NUL in it raises.
        payload: Any = part.get_payload() if part.is_multipart() else None
        if kind == "message/rfc822" and isinstance(payload, list):
            if depth < _MAX_DEPTH:
                mail.forwarded += [_read_message(inner, depth + 1) for inner in payload]
        elif isinstance(payload, list):
            stack += reversed(payload)
        else:
            _read_part(part, mail)
    return mail


def _is_enveloped(part: Message) -> bool:
    if part.get_content_type() not in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
        return False
    return str(part.get_param("smime-type", "enveloped-data")).lower() != "signed-data"


def _undecoded(part: Message) -> bytes:
    """The body of a part as it stands in the mail; nothing where its charset can not even be asked for."""
    try:
        return str(part.get_payload()).encode("utf-8", "replace")
    except _MALFORMED:
        return b""


def _read_part(part: Message, mail: _Mail) -> None:
    kind = part.get_content_type()
    name = _file_name(part)
    disposition = (part.get_content_disposition() or "").lower()
    if kind in _SIGNATURES:
        return
    try:
        content = part.get_payload(decode=True)
    except _MALFORMED:
        content = _undecoded(part)
    if not isinstance(content, bytes) or not content.strip():
        return
    is_body = kind in ("text/plain", "text/html", "text/enriched", "text/richtext")
    if is_body and disposition != "attachment" and (not name or disposition == "inline"):
        charset = part.get_param("charset")
        declared = charset if isinstance(charset, str) else None
        if kind == "text/html":
            mail.html.append(decode(content, declared) if declared else decode_html(content))
        else:
            mail.plain.append(decode(content, declared))
    elif not (kind.startswith("image/") and disposition != "attachment" and len(content) < _PIXEL_BYTES):
        mail.attachments.append(_attachment(name, content, kind, mail))


def _file_name(part: Message) -> str:
    try:
        return _decoded(part.get_filename() or "")
    except _MALFORMED:
        return ""


def _attachment(name: str, content: bytes, kind: str, mail: _Mail) -> Attachment:
    """An attachment under a plain file name: a path in it would lead out of the mail."""
    name = PurePosixPath(re.sub(r"[\x00-\x1f]", "", name).replace("\\", "/")).name
    if name in ("", ".", ".."):
        suffix = mimetypes.guess_extension(kind) or ".bin"
        name = f"attachment-{len(mail.attachments) + 1}{suffix}"
    return Attachment(name, content)


def _header(message: Message, name: str) -> str:
    """A header's value as people read it; of several, the first."""
    for key, value in message.raw_items():
        if key.lower() == name.lower():
            return _decoded(str(value))
    return ""


def _decoded(value: str) -> str:
    """Encoded words decoded, folding undone; bytes that break the rules are guessed at."""
    raw = value.encode("utf-8", "surrogateescape")
    if not raw.isascii():
        value = decode(raw)
    with suppress(*_MALFORMED):  # not an encoded word after all: the text as it stands
        value = str(make_header(decode_header(value)))
    return " ".join(value.encode("utf-8", "replace").decode("utf-8").split())


def _keep_plain(mail: _Mail, source: Source) -> None:
    """Keeps the headers and the plain text, before what may take long."""
    flow = Flow()
    _lay_out_plain(mail, flow, mail.plain)
    source.keep(flow.finish(), 0.5, "the end of its plain text")


def _parsed(mail: _Mail, source: Source) -> Parsed:
    if mail.plain and any(text.lstrip().startswith(_PGP) for text in mail.plain):
        raise Encrypted("encrypted with PGP; needs its owner's key")
    if mail.html:
        _keep_plain(mail, source)
    flow = Flow()
    attachments: list[Attachment] = []
    _lay_out(mail, flow, attachments)
    blocks = flow.finish()
    if not blocks and not attachments:
        raise Empty("holds no text")
    metadata = known(author=mail.headers.get("From", ""), date=_iso(mail.headers.get("Date", "")))
    return Parsed(blocks, mail.headers.get("Subject", ""), metadata, tuple(attachments))


def _lay_out_plain(mail: _Mail, flow: Flow, texts: list[str]) -> None:
    for name in _SHOWN:
        if mail.headers.get(name):
            flow.add(f"{name}: {mail.headers[name]}")
    flow.end()
    for text in texts:
        add_lines(flow, text)


def _lay_out(mail: _Mail, flow: Flow, attachments: list[Attachment]) -> None:
    plain, html = _bodies(mail)
    _lay_out_plain(mail, flow, plain)
    for soup in html:
        body = soup.body or soup
        add_markup(flow, body, hidden_parts(body))
    flow.end()
    attachments += mail.attachments
    for inner in mail.forwarded:
        beneath = Flow(root=(*flow.headings, inner.headers.get("Subject", "")))
        _lay_out(inner, beneath, attachments)
        flow.blocks += beneath.finish()


def _bodies(mail: _Mail) -> tuple[list[str], list[Any]]:
    """The alternatives worth reading: the plain text, the HTML, or both if they differ throughout."""
    soups = [parse_markup(text) for text in mail.html]
    in_html = set(_words(" ".join(soup.get_text(" ") for soup in soups)))
    in_plain = set(_words(" ".join(mail.plain)))
    if not in_plain or not in_html:
        return mail.plain, soups
    shared = len(in_html & in_plain)
    if shared >= _SAME_WORDS * len(in_html):
        return mail.plain, []
    return ([] if shared >= len(in_plain) / 2 else mail.plain), soups


def _words(text: str) -> Iterator[str]:
    return (match.group().lower() for match in re.finditer(r"\w+", text))


def _iso(date: str) -> str:
    try:
        return parsedate_to_datetime(date).isoformat()
    except _MALFORMED:
        return iso_date(date)
