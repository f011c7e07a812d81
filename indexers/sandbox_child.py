"""The child of the sandbox: reads files one after the other, under limits, and answers over a pipe.

Started as ``python -m indexers.sandbox_child``; it imports no torch and no faiss. It knows nothing of the library:
a request names a file and its format, the answer is what a parser or decoder made of it, or a picture of it.

Requests: a line of JSON each on stdin. Answers on what was stdout: a head (``HEAD``), then that many bytes; before the
answer may come messages with what is kept of the file until then (see ``indexers.kept``). Stdout itself is sent away
first, so that no library's ``print`` can garble an answer.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import struct
import sys
import threading
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, cast

from indexers.decoded_codec import encode_decoded
from indexers.decoders import decoder_for
from indexers.errors import Broken, FileError, Unsupported
from indexers.kept import Keeper
from indexers.memory import address_space_bytes, resident_bytes
from indexers.parsers import parser_for
from indexers.previews import Look, preview
from indexers.protocols import Parser, Source

HEAD = struct.Struct(">c?Q")
"""Kind of answer, whether the child wants to be replaced, length of the body."""
READY, DECODED, SHOWN, REFUSED, OUT_OF_MEMORY = b"R", b"D", b"S", b"E", b"M"
EXIT_OUT_OF_MEMORY = 77
"""Exit status when the memory limit was passed and nothing more can be said."""

_REASON_CHARS = 200
_WATCH_S = 0.02
_REFUSED_EVENTS = frozenset(
    {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.system"}
    | {"os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.startfile", "pty.spawn"}
)


def main() -> None:
    """Answers requests until stdin closes. ``sys.argv[1]``: the limits as JSON, see ``Sandbox``."""
    # Ctrl-C is sent to every process of the terminal; stopping is the parent's to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits = json.loads(sys.argv[1])
    answers = _take_stdout()
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    busy = threading.Event()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    _limit_process(limits)
    if limits["memory_bytes"]:
        threading.Thread(target=_watch_memory, args=(limits["memory_bytes"], busy), daemon=True).start()
    parser = _load(limits["parser"]) if limits["parser"] else None
    sys.addaudithook(_refuse_network)
    _answer(answers, READY, b"")
    _silence_stderr()
    for served in range(1, sys.maxsize):
        request = requests.get()
        _limit_cpu(limits["cpu_s"])
        busy.set()
        kind, body = _serve(request, parser, Keeper(partial(_answer, answers)))
        busy.clear()
        grown = bool(limits["memory_bytes"]) and resident_bytes() > limits["memory_bytes"] // 4
        retire = kind == OUT_OF_MEMORY or grown or served >= limits["files_per_child"]
        _answer(answers, kind, body, retire=retire)


def _serve(request: bytes, parser: Parser | None, keeper: Keeper) -> tuple[bytes, bytes]:
    """Reads the file that ``request`` names: kind and body of the answer."""
    try:
        fields = json.loads(request)
        path, *beside = (Path(os.fsdecode(bytes.fromhex(text))) for text in fields["paths"])
        source = Source(path, fields["name"], fields["format"], tuple(beside), keeper)
        if "width" in fields:
            return SHOWN, preview(source, Look(fields["width"], fields["page"], fields["second"]))
        if "what" in fields:
            decode = decoder_for(fields["what"], source.format)
            if decode is None:
                raise Unsupported(f"no decoder for the {fields['what']} of {source.format} files")
            return DECODED, encode_decoded(decode(source, fields["start"]))
        read = parser or parser_for(source.format)
        if read is None:
            raise Unsupported(f"no reader for {source.format} files")
        return keeper.answer(read(source))
    except FileError as error:
        return REFUSED, _refusal(type(error), str(error))
    except MemoryError:
        return OUT_OF_MEMORY, b""
    except Exception as error:  # noqa: BLE001
        # The one place where everything is caught: a parser is fed anything that calls itself a document, through
        # libraries that raise whatever they stumble over, and one file must never stop its neighbours.
        lines = str(error).splitlines()
        reason = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
        return REFUSED, _refusal(Broken, reason)


def _refusal(kind: type[FileError], reason: str) -> bytes:
    return json.dumps({"kind": kind.__name__, "reason": reason[:_REASON_CHARS]}).encode("ascii")


# --- pipes -------------------------------------------------------------------------------------


def _take_stdout() -> BinaryIO:
    """The pipe to the parent, out of the reach of whatever prints; stdin and stdout now lead nowhere."""
    answers = os.fdopen(os.dup(1), "wb")
    _redirect(1, os.O_WRONLY)
    return answers


def _silence_stderr() -> None:
    # Up to here stderr tells the parent why a child does not start; from here on it is chatter of libraries.
    _redirect(2, os.O_WRONLY)


def _redirect(descriptor: int, mode: int) -> None:
    nowhere = os.open(os.devnull, mode)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _read_requests(requests: queue.SimpleQueue[bytes]) -> None:
    """Queues what the parent asks. The end of stdin means that the parent is gone: so is the child, at once."""
    stdin = os.fdopen(os.dup(0), "rb")
    _redirect(0, os.O_RDONLY)
    for line in stdin:
        requests.put(line)
    os._exit(0)


def _answer(answers: BinaryIO, kind: bytes, body: bytes, *, retire: bool = False) -> None:
    answers.write(HEAD.pack(kind, retire, len(body)))
    answers.write(body)
    answers.flush()


# --- limits ------------------------------------------------------------------------------------


def _limit_process(limits: dict[str, Any]) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits; the wall clock is watched by the parent there too.
        return
    _set_limit(resource.RLIMIT_CORE, 0)
    _set_limit(resource.RLIMIT_FSIZE, limits["file_bytes"])
    if limits["memory_bytes"] and sys.platform == "linux":
        # Address space is more than memory used (mapped libraries, thread stacks): the watcher below holds the
        # exact limit, this one stops what is too quick for it.
        _set_limit(resource.RLIMIT_AS, address_space_bytes() + limits["memory_bytes"] * 3 // 2)


def _limit_cpu(cpu_s: float) -> None:
    """Allows ``cpu_s`` more seconds of processor time, for one file."""
    try:
        import resource
    except ImportError:
        return
    _set_limit(resource.RLIMIT_CPU, int(time.process_time() + cpu_s) + 1)


def _set_limit(kind: int, value: int) -> None:
    """Lowers or raises the soft limit, which may not pass the hard one."""
    import resource

    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _watch_memory(limit_bytes: int, busy: threading.Event) -> None:
    """Ends the process when it holds more than ``limit_bytes``; sleeps between files, so that waiting costs nothing."""
    while busy.wait() and resident_bytes() <= limit_bytes:
        time.sleep(_WATCH_S)
    os._exit(EXIT_OUT_OF_MEMORY)


def _refuse_network(event: str, _: Any) -> None:
    """Reading a file needs no network and no other program. (Python code is held by this; C libraries are not.)"""
    if event in _REFUSED_EVENTS:
        raise PermissionError(f"{event} is not allowed while a file is read")


def _load(target: str) -> Parser:
    module, _, function = target.partition(":")
    return cast(Parser, getattr(import_module(module), function))


if __name__ == "__main__":
    main()
