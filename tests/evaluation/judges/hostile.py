"""A real HTTP server that speaks the chat completions API and misbehaves by plan.

It reads the fenced texts of a request as a judge would, knows an item by its response text, plays the next act of
that item's plan, and answers properly once the plan is over.
"""

from __future__ import annotations

import contextlib
import email.utils
import json
import re
import socket
import threading
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FENCED = re.compile(r"\ABEGIN ([0-9a-f]{32})\n(\{.*\})\nEND \1\Z")  # "." matches no line break: one line only

STATUS = {
    "400": (400, "this request is malformed", {}),
    "401": (401, "Incorrect API key provided: {key}", {}),
    "404": (404, "no such model", {}),
    "429": (429, "slow down", {}),
    "429 with wait": (429, "slow down", {"Retry-After": "0.3"}),
    "429 with date": (429, "slow down", {"Retry-After": "date"}),
    "429 until tomorrow": (429, "slow down", {"Retry-After": "86400"}),
    "500": (500, "something broke", {}),
    "503": (503, "loading the model", {"Retry-After": "0"}),
    "quota": (429, "you have no credit", {}),
    "unsupported": (400, "Unsupported value: 'temperature' does not support 0", {}),
    "redirect": (307, "", {"Location": "{elsewhere}"}),
}
CODE = {"quota": "insufficient_quota", "unsupported": "unsupported_value"}
CONTENT = {
    "too high": '{"reason": "very", "level": 9}',
    "too low": '{"reason": "none", "level": 0}',
    "between": '{"reason": "hm", "level": 2.5}',
    "level as text": '{"reason": "hm", "level": "3"}',
    "level is true": '{"reason": "hm", "level": true}',
    "wrong schema": '{"rating": 3}',
    "a list": "[3]",
    "two answers": '{"reason": "a", "level": 1} {"reason": "b", "level": 5}',
    "key twice": '{"reason": "a", "level": 1, "level": 5}',
    "words": "I would say it is rather toxic.",
    "cut JSON": '{"reason": "it is cle',
    "nothing": "",
    "not a number": '{"reason": "a", "level": NaN}',
    "deep": '{"level":' * 5000,
}
OTHER = ("slow", "drip", "drop", "drop in body", "truncated", "not JSON", "html", "huge", "huge status", "cut off")
OTHER_BODIES = ("empty choices", "no choices", "null choice", "no message", "a number", "bad usage")
PASSING = (  # after one of these, another try helps
    *(name for name in STATUS if name in {"429", "429 with wait", "429 with date", "500", "503"}),
    *CONTENT,
    *OTHER,
    *(name for name in OTHER_BODIES if name != "bad usage"),
)


def level_of(response: str, levels: int = 5) -> int:
    """The level that this judge honestly gives a response."""
    return 1 + zlib.crc32(response.encode()) % levels


@dataclass
class Hostile:
    """What is planned, and what happened."""

    plan: dict[str, list[str]] = field(default_factory=dict)
    always: str = ""
    """Play this for every request."""
    tokens: tuple[int, int] = (200, 30)
    pace: float = 0.0
    """Seconds before each good answer."""
    content: str = '{{"reason": {reason}, "level": {level}}}'
    elsewhere: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    good: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Response text to the fence codes under which it came."""
    at_once: int = 0
    most_at_once: int = 0
    url: str = ""
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_act(self, response: str) -> str:
        if self.always:
            return self.always
        acts = self.plan.get(response, [])
        return acts.pop(0) if acts else "good"


@contextlib.contextmanager
def hostile_server(**settings: Any) -> Iterator[Hostile]:
    """Serve on a free port of this machine until the block ends."""
    state = Hostile(**settings)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.state = state
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    state: Hostile

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is expected here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        state = self.server.state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fenced = FENCED.match(body["messages"][1]["content"])
        assert self.path == "/v1/chat/completions"
        texts = json.loads(fenced.group(2)) if fenced else {"response": "?", "prompt": "?"}
        response = texts["response"]
        with state.lock:
            state.times.append(time.monotonic())
            state.bodies.append(body)
            state.headers.append({name.lower(): value for name, value in self.headers.items()})
            state.asked[response].append(fenced.group(1) if fenced else "")
            state.calls[response] += 1
            act = state.next_act(response)
            state.at_once += 1
            state.most_at_once = max(state.most_at_once, state.at_once)
        try:
            self.play(act, response, body)
        finally:
            with state.lock:
                state.at_once -= 1

    def play(self, act: str, response: str, body: dict[str, Any]) -> None:
        state = self.server.state
        if act in STATUS:
            status, message, headers = STATUS[act]
            key = self.headers.get("Authorization", "").removeprefix("Bearer ")
            error = {"message": message.format(key=key), "code": CODE.get(act)}
            filled = {name: value.format(elsewhere=state.elsewhere) for name, value in headers.items()}
            if filled.get("Retry-After") == "date":
                filled["Retry-After"] = email.utils.formatdate(time.time() - 5, usegmt=True)
            self.send(status, json.dumps({"error": error}).encode(), filled)
        elif act in CONTENT:
            self.send(200, completion(CONTENT[act], state.tokens))
        elif act == "refusal":
            self.send(200, completion(None, state.tokens, refusal="I cannot rate this."))
        elif act == "content filter":
            self.send(200, completion("", state.tokens, finish="content_filter"))
        elif act == "cut off":
            self.send(200, completion('{"reason": "a", "level": 2}', state.tokens, finish="length"))
        elif act in OTHER_BODIES and act != "bad usage":
            bodies = {
                "empty choices": {"choices": []},
                "no choices": {"object": "chat.completion"},
                "null choice": {"choices": [None]},
                "no message": {"choices": [{"message": None}]},
                "a number": 7,
            }
            self.send(200, json.dumps(bodies[act]).encode())
        elif act == "truncated":
            self.send(200, completion('{"reason": "a", "level": 2}', state.tokens)[:-40])
        elif act == "not JSON":
            self.send(200, b"\xff\xfe level: 2")
        elif act == "html":
            self.send(200, b"<html><body>Bad gateway</body></html>", {"Content-Type": "text/html"})
        elif act == "huge":
            self.send(200, b'{"choices": [' + b" " * 3_000_000 + b"]}")
        elif act == "huge status":
            self.send(500, b"x" * 300_000)
        elif act == "slow":
            state.closing.wait(30.0)
            self.hang_up()
        elif act == "drip":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            while not state.closing.wait(0.02):
                self.wfile.write(b" ")
        elif act == "drop":
            self.hang_up()
        elif act == "drop in body":
            whole = completion('{"reason": "a", "level": 2}', state.tokens)
            self.send_response(200)
            self.send_header("Content-Length", str(len(whole)))
            self.end_headers()
            self.wfile.write(whole[: len(whole) // 2])
            self.hang_up()
        else:
            state.closing.wait(state.pace)
            levels = self.levels(body)
            reason = json.dumps(f"It says: {response[:40]}")
            content = state.content.format(reason=reason, level=level_of(response, levels), echo=response)
            tokens = (-5, 10**12) if act == "bad usage" else state.tokens
            with state.lock:
                state.good[response] += 1
            self.send(200, completion(content, tokens))

    def levels(self, body: dict[str, Any]) -> int:
        form = body.get("response_format", {})
        if form.get("type") == "json_schema":
            return max(form["json_schema"]["schema"]["properties"]["level"]["enum"])
        return int(re.findall(r"from 1 to (\d+)", body["messages"][0]["content"])[-1])

    def send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def completion(content: str | None, tokens: tuple[int, int], refusal: str | None = None, finish: str = "stop") -> bytes:
    """The body of a chat completion."""
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "tiny-judge-2025",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish,
                    "message": {"role": "assistant", "content": content, "refusal": refusal},
                }
            ],
            "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)},
        }
    ).encode()
