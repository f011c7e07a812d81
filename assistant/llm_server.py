"""A language model behind an OpenAI-compatible server: llama-server, Ollama, vLLM, LM Studio …

Questions and passages leave the machine only if the caller says so: an address that is not this machine's own
is refused unless ``allow_remote``; redirects are not followed and a proxy is never put between Locus and a
server on this machine.

Each request runs in an event loop of its own on a thread of its own, because that is what can be cancelled at
any moment, even while the server has not answered yet: cancelling closes the connection, and servers stop
computing for a connection that is gone.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assistant.llm_chat import Message
from indexers.errors import ModelFailed, UsageError

if TYPE_CHECKING:
    import httpx

_CONNECT_S = 5.0
_POLL_S = 0.05
_MAX_LINE = 1_000_000  # bytes; a line of a stream is a few hundred, so what is longer is no such server


class OpenAIServer:
    """Any server that speaks OpenAI's chat completions.

    Args:
        url: its address, with or without the path "/v1".
        model: the model's name on that server.
        api_key: sent as a bearer token.
        timeout_s: the longest silence of the server.
        context_tokens: what the model reads, prompt and answer together; the server is not asked.
        allow_remote: whether the server may be another machine.

    Raises:
        UsageError: the address is not one, or is another machine's without ``allow_remote``.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str,
        api_key: str | None = None,
        timeout_s: float = 120.0,
        context_tokens: int = 4096,
        allow_remote: bool = False,
    ) -> None:
        import httpx

        try:
            address = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise UsageError(f"{url!r} is not the address of a server: {error}") from error
        if address.scheme not in ("http", "https") or not address.host:
            raise UsageError(f"{url!r} is not the address of a server: use something like http://127.0.0.1:8080/v1")
        self._local = _is_loopback(address.host)
        if not self._local and not allow_remote:
            raise UsageError(
                f"{address.host} is not this machine: questions and passages would leave it. "
                "Allow remote servers in the settings if that is what you want"
            )
        if api_key and not api_key.isascii():
            raise UsageError("the API key holds characters that no key has: copy it again")
        path = address.path.rstrip("/") or "/v1"
        self._chat_url = address.copy_with(path=f"{path}/chat/completions", query=None, fragment=None)
        self._tokenize_url = address.copy_with(path=f"{path.removesuffix('/v1')}/tokenize", query=None, fragment=None)
        self.name = model
        self.context_tokens = context_tokens
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._timeout = httpx.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s))
        self._timeout_s = timeout_s
        self._tokenizes: bool | None = None
        self._closed = False

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text``: exactly where the server has llama-server's ``/tokenize``, else an estimate.

        The estimate is a token for three bytes of UTF-8: English needs fewer, and a Chinese character,
        three bytes, seldom more than one.
        """
        if self._tokenizes is not False:
            count = self._ask_tokenizer(text)
            self._tokenizes = count is not None
            if count is not None:
                return count
        return -(-len(text.encode("utf-8", "replace")) // 3)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        cancelled: Callable[[], bool] | None = None,
        stop: Sequence[str] = (),
    ) -> Iterator[str]:
        """See ``LanguageModel.stream``. Leaving the iteration or cancelling closes the connection.

        Raises:
            UsageError: there is no message, or the model is closed.
            ModelFailed: the server can not be reached, refuses, or its answer breaks off.
        """
        if self._closed:
            raise UsageError(f"{self.name} is closed")
        if not messages:
            raise UsageError("a language model needs at least one message")
        body: dict[str, Any] = {
            "model": self.name,
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "max_tokens": max_tokens,
            "temperature": 0,
            "stream": True,
        }
        if stop:
            body["stop"] = list(stop)
        request = _Request(lambda: self._pieces(body))
        try:
            yield from request.pieces(cancelled)
        finally:
            request.cancel()

    def close(self) -> None:
        """Refuses further questions; every stream holds a connection of its own and closes it itself."""
        self._closed = True

    def _client_options(self) -> dict[str, Any]:
        return {
            "timeout": self._timeout,
            "headers": self._headers,
            "follow_redirects": False,
            "trust_env": not self._local,
        }

    def _ask_tokenizer(self, text: str) -> int | None:
        import httpx

        try:
            with httpx.Client(**self._client_options()) as client:
                response = client.post(self._tokenize_url, json={"content": text}, timeout=_CONNECT_S)
                tokens = response.json()["tokens"] if response.status_code == 200 else None
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None
        return len(tokens) if isinstance(tokens, list) else None

    async def _pieces(self, body: Mapping[str, Any]) -> AsyncIterator[str]:
        import httpx

        complete = False
        try:
            async with (
                httpx.AsyncClient(**self._client_options()) as client,
                client.stream("POST", self._chat_url, json=body) as response,
            ):
                if response.status_code != 200:
                    raise ModelFailed(await self._refusal(response))
                async for data in _events(response):
                    if data == "[DONE]":
                        return
                    text, ended = self._delta(data)
                    complete = complete or ended
                    if text:
                        yield text
        except httpx.ConnectError as error:
            raise ModelFailed(f"no server answers at {self._place}: is it running?") from error
        except httpx.TimeoutException as error:
            raise ModelFailed(f"the server at {self._place} was silent for {self._timeout_s:g} s") from error
        except httpx.HTTPError as error:
            raise ModelFailed(f"the connection to {self._place} broke: {error or type(error).__name__}") from error
        if not complete:
            raise ModelFailed(f"the answer of {self._place} broke off")

    def _delta(self, data: str) -> tuple[str, bool]:
        """The text of one event, and whether it is the last."""
        try:
            event = json.loads(data)
            if error := event.get("error"):
                raise ModelFailed(f"{self._place} failed: {_said(error)}")
            choices = event.get("choices") or [{}]  # the last event may hold only statistics
            text = (choices[0].get("delta") or {}).get("content") or ""
            if not isinstance(text, str):
                raise TypeError("the content is no text")
            return text, bool(choices[0].get("finish_reason"))
        except (ValueError, AttributeError, TypeError, LookupError) as error:
            raise ModelFailed(f"{self._place} does not answer as an OpenAI-compatible server does") from error

    async def _refusal(self, response: httpx.Response) -> str:
        status = response.status_code
        if status in (401, 403):
            return f"{self._place} refuses the API key (status {status}): check it in the settings"
        if 300 <= status < 400:
            return f"{self._place} redirects to {response.headers.get('location', 'nowhere')}: set the final address"
        read = b""
        async for part in response.aiter_bytes():
            read += part
            if len(read) > _MAX_LINE:
                break
        try:
            said = _said(json.loads(read).get("error"))
        except (ValueError, AttributeError):
            said = ""
        if status == 404:
            return f"{self._place} has no model {self.name!r} or the address is wrong: {said or 'status 404'}"
        return f"{self._place} answered with status {status}{': ' if said else ''}{said}"

    @property
    def _place(self) -> str:
        return f"{self._chat_url.scheme}://{self._chat_url.netloc.decode('ascii', 'replace').rpartition('@')[2]}"


class _Request:
    """Runs an asynchronous stream on a thread of its own, for a reader that may leave at any moment."""

    def __init__(self, start: Callable[[], AsyncIterator[str]]) -> None:
        self._start = start
        self._queue: queue.SimpleQueue[str | BaseException | None] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(self._work())
        self._task.add_done_callback(lambda task: self._queue.put(None if task.cancelled() else task.exception()))
        self._thread = threading.Thread(target=self._run, name="llm-server", daemon=True)
        self._thread.start()

    def pieces(self, cancelled: Callable[[], bool] | None) -> Iterator[str]:
        """What arrives, until it ends or the reader cancels."""
        while cancelled is None or not cancelled():
            try:
                item = self._queue.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def cancel(self) -> None:
        """Closes the connection if it is still open, and waits until it is closed."""
        try:
            self._loop.call_soon_threadsafe(self._task.cancel)
        except RuntimeError:  # the loop is closed: the stream had ended
            return
        self._thread.join(timeout=_CONNECT_S)

    def _run(self) -> None:
        self._loop.run_until_complete(asyncio.wait([self._task]))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _work(self) -> None:
        async for piece in self._start():
            self._queue.put(piece)


async def _events(response: httpx.Response) -> AsyncIterator[str]:
    """The data lines of a server-sent event stream."""
    line = bytearray()
    async for part in response.aiter_bytes():
        line += part
        while (end := line.find(b"\n")) >= 0:
            text = line[:end].decode("utf-8", "replace").rstrip("\r")
            del line[: end + 1]
            if text.startswith("data:"):
                yield text[5:].strip()
        if len(line) > _MAX_LINE:
            raise ModelFailed(f"{response.url.host} does not answer as an OpenAI-compatible server does")


def _said(error: object) -> str:
    """An error object's own words on one line, at most 300 characters."""
    text = error.get("message", "") if isinstance(error, dict) else error
    return " ".join(str(text or "").split())[:300]


def _is_loopback(host: str) -> bool:
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
