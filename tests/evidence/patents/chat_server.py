"""A chat-completions server on the loopback that answers, and misbehaves on purpose."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from calibration.evidence.patents.records import CLASSES
from calibration.evidence.patents.text import sentences

# Hanging is rare, because every case of it costs the client's whole patience.
TRANSIENT = (*("429", "500", "drop", "html", "malformed", "truncated", "schema", "invented") * 4, "hang")


@dataclass
class Behaviour:
    """faults: share of texts whose first tries fail, each with a kind of fault of its own; stubborn: share of
    texts that are never answered well. obeys: do what an instruction in the text says, as a gullible model
    would. instead: parts of every completion that are something else.
    """

    faults: float = 0.0
    stubborn: float = 0.0
    obeys: bool = False
    kinds: tuple[str, ...] = TRANSIENT
    hang_seconds: float = 1.0
    secret: str = ""
    refuse_status: int | None = None
    refuse_after: int = 0
    instead: dict[str, Any] = field(default_factory=dict)
    tries: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    served: Counter[str] = field(default_factory=Counter)
    keys: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(self, text: str) -> list[str]:
        """What happens to the tries of a text before one succeeds."""
        draw = int(hashlib.sha256(text.encode()).hexdigest(), 16)
        if (draw % 10_000) / 10_000 < self.stubborn:
            return ["malformed"] * 1000
        if (draw // 10_000 % 10_000) / 10_000 < self.faults:
            first = self.kinds[draw // 10**8 % len(self.kinds)]
            second = self.kinds[draw // 10**10 % len(self.kinds)]
            return [first, second] if draw // 10**12 % 4 == 0 and first != second else [first]
        return []


def answer_for(text: str) -> dict[str, Any]:
    """A well-formed answer that depends on the text alone."""
    draw = int(hashlib.sha256(text.encode()).hexdigest(), 16)
    return {
        "category": CLASSES[draw % len(CLASSES)],
        "elements": ["Nd", "Dy"][: draw // 7 % 3],
        "application": "magnets_NdFeB",
        "confidence": round(0.5 + draw % 50 / 100, 2),
        "sentence": max(sentences(text), key=len),
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        behaviour: Behaviour = self.server.behaviour  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = json.loads(body["messages"][-1]["content"])["text"]
        with behaviour.lock:
            behaviour.keys.add(self.headers.get("Authorization", ""))
            attempt = behaviour.tries[text]
            behaviour.tries[text] += 1
            total = sum(behaviour.tries.values())
        if behaviour.refuse_status and total > behaviour.refuse_after:
            message = f"Incorrect API key provided: {self.headers.get('Authorization')}"
            return self._reply(behaviour.refuse_status, {"error": {"message": message, "code": "bad"}})
        plan = behaviour.plan(text)
        fault = plan[attempt] if attempt < len(plan) else ""
        with behaviour.lock:
            behaviour.served[fault or "answer"] += 1
        return self._act(behaviour, text, fault)

    def _act(self, behaviour: Behaviour, text: str, fault: str) -> None:
        answer = answer_for(text)
        if behaviour.obeys and "unrelated" in text and "classify" in text.lower():
            answer["category"], answer["confidence"] = "unrelated", 1.0
        content, finish = json.dumps(answer), "stop"
        match fault:
            case "429":
                return self._reply(429, {"error": {"message": "slow down"}}, {"Retry-After": "0.01"})
            case "500":
                return self._reply(500, {"error": {"message": f"oops {behaviour.secret}"}})
            case "hang":
                time.sleep(behaviour.hang_seconds)
                self.close_connection = True
                return None
            case "drop":
                self.close_connection = True
                self.connection.close()
                return None
            case "html":
                return self._raw(200, b"<html>proxy</html>", {"Content-Type": "text/html"})
            case "malformed":
                content = content[:-10] + "oops"
            case "truncated":
                content, finish = content[: len(content) // 2], "length"
            case "schema":
                content = json.dumps(answer | {"category": "magnets"})
            case "invented":
                content = json.dumps(answer | {"sentence": "A sentence that stands nowhere in the text."})
            case _:
                with behaviour.lock:
                    behaviour.answered[text] += 1
        return self._reply(
            200,
            {
                "id": "x",
                "object": "chat.completion",
                "created": 0,
                "model": "test",
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": finish,
                        "message": {"role": "assistant", "content": content},
                    }
                ],
                "usage": {"prompt_tokens": 400, "completion_tokens": 60, "total_tokens": 460},
            }
            | behaviour.instead,
        )

    def _reply(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._raw(status, json.dumps(body).encode(), {"Content-Type": "application/json"} | (headers or {}))

    def _raw(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_: Any) -> None:
        """A client that gave up is no news."""


class ChatServer:
    """Runs while the block does."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour

    def __enter__(self) -> ChatServer:
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.behaviour = self.behaviour  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
