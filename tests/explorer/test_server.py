"""The explorer's server on a real socket: what it serves, what it refuses, and that it stays up."""

import http.client
import json
import socket
import threading
import time

import pytest

pytest.importorskip("starlette", reason="the extra explore is not installed")
pytest.importorskip("uvicorn", reason="the extra explore is not installed")

from starlette.requests import Request

from outputs.explorer import server, worker
from outputs.explorer.state import State


class Fake:
    """Answers at once, or as slowly as it is told."""

    timeout = 1.0
    delay = 0.0
    raises = None

    def ask(self, state):
        time.sleep(self.delay)
        if self.raises:
            raise self.raises
        return {"echo": state.scenario}


@pytest.fixture
def running():
    """A server with a fake solver, on a free port."""
    import asyncio

    import uvicorn

    fake, listening = Fake(), server.listen(0)
    config = server.config(fake)
    serving = uvicorn.Server(config)
    serving.install_signal_handlers = lambda: None
    thread = threading.Thread(target=lambda: asyncio.run(serving.serve(sockets=[listening])))
    thread.start()
    end = time.monotonic() + 20
    while not serving.started and time.monotonic() < end:
        time.sleep(0.01)
    fake.port = listening.getsockname()[1]
    yield fake
    serving.should_exit = True
    thread.join(20)
    listening.close()


def ask(port, method="POST", path="/solve", body=b"{}", **headers):
    sent = {"Content-Type": "application/json"} | {
        key.replace("_", "-"): value for key, value in headers.items()
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        connection.close()


def test_the_page_and_its_files_load_nothing_from_elsewhere(running):
    for path, (_, kind) in server.FILES.items():
        status, content, headers = ask(running.port, "GET", path, None)
        assert (status, headers["content-type"].split(";")[0]) == (200, kind)
        assert "default-src 'none'" in headers["content-security-policy"]
        assert b"http:" not in content.replace(b"http://www.w3.org/2000/svg", b"")
        assert b"https:" not in content
        assert b"innerHTML" not in content


def test_a_state_is_answered(running):
    status, content, headers = ask(running.port, body=b'{"scenario": "no-shock"}')
    assert (status, json.loads(content)) == (200, {"echo": "no-shock"})
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


REFUSED = {
    "another name for this computer": (403, {"Host": "evil.example"}),
    "another port": (403, {"Host": "127.0.0.1:1"}),
    "another site": (403, {"Origin": "http://evil.example"}),
    "no origin": (403, {"Origin": "null"}),
    "this host by https": (403, {"Origin": "https://127.0.0.1"}),
    "a cross-site fetch": (403, {"Sec_Fetch_Site": "cross-site"}),
    "a form": (415, {"Content_Type": "text/plain"}),
    "a long body": (413, {"body": b" " * (server.LARGEST + 1)}),
    "a number without end": (422, {"body": b'{"cut": 1e400}'}),
    "another way": (405, {"method": "PUT"}),
    "another path": (404, {"path": "/../../pyproject.toml"}),
    "an encoded path": (404, {"path": "/%2e%2e/%2e%2e/pyproject.toml"}),
    "a preflight": (405, {"method": "OPTIONS", "Sec_Fetch_Site": "same-origin"}),
}


@pytest.mark.parametrize(("status", "how"), REFUSED.values(), ids=REFUSED)
def test_hostile_requests_are_refused_without_a_traceback(running, status, how):
    found, content, headers = ask(running.port, **how)
    assert found == status
    assert json.loads(content)["problems"]
    assert b"Traceback" not in content
    assert "content-security-policy" in headers
    assert ask(running.port)[0] == 200


def test_own_origin_is_welcome(running):
    for name in ("127.0.0.1", "localhost"):
        host = f"{name}:{running.port}"
        assert ask(running.port, Host=host, Origin=f"http://{host}", Sec_Fetch_Site="same-origin")[0] == 200


@pytest.mark.parametrize(
    ("port", "host", "ours"),
    [
        (80, "127.0.0.1", True),
        (80, "localhost", True),
        (80, "evil.example", False),
        (8765, "127.0.0.1:8765", True),
        (8765, "127.0.0.1", False),
    ],
)
def test_the_port_of_http_is_not_in_the_address(port, host, ours):
    """On port 80 a browser sends a host, and an origin, without a port."""
    headers = [(b"host", host.encode()), (b"origin", f"http://{host}".encode())]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": headers, "server": ("127.0.0.1", port)}
    assert (server.foreign(Request(scope)) == "") is ours


def test_markup_in_a_request_comes_back_as_text_only(running):
    status, content, headers = ask(running.port, body=b'{"region": "<img src=x onerror=alert(1)>"}')
    assert status == 422
    assert headers["content-type"] == "application/json"
    assert (
        "onerror" not in json.loads(content)["problems"][0] or headers["x-content-type-options"] == "nosniff"
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (worker.Busy(), 503),
        (worker.TooSlow(), 504),
        (worker.Broken("KeyError"), 500),
        (KeyError("secret"), 500),
    ],
)
def test_a_failing_solver_is_said_and_survived(running, error, status):
    running.raises = error
    found, content, _ = ask(running.port)
    assert found == status
    assert json.loads(content)["problems"]
    assert b"secret" not in content
    running.raises = None
    assert ask(running.port)[0] == 200


def test_it_stays_up_under_rubbish_and_abandoned_requests(running):
    for rubbish in (
        b"\x00\xff" * 100,
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /solve HTTP/1.1\r\nHost: x\r\n",
        b"G" * 40_000,
    ):
        with socket.create_connection(("127.0.0.1", running.port), timeout=5) as raw:
            raw.sendall(rubbish)
    assert ask(running.port)[0] == 200


def test_it_listens_on_the_loopback_interface_only():
    listening = server.listen(0)
    assert listening.getsockname()[0] == "127.0.0.1"
    with pytest.raises(server.InputError, match="another --port"):
        server.listen(listening.getsockname()[1])
    listening.close()


def sleeper(pipe):
    """A solver that answers, hangs or dies by what it is asked."""
    while True:
        asked = pipe.recv()
        if asked.years == 2:
            time.sleep(60)
        if asked.years == 3:
            raise SystemExit
        pipe.send(("answer", {"years": asked.years}))


@pytest.fixture
def solver(monkeypatch):
    monkeypatch.setattr(worker, "serve", sleeper)
    one = worker.Worker(timeout=1.0, waiting=2)
    one.timeout = 20.0
    yield one
    one.close()


def test_a_solve_that_takes_too_long_is_stopped_and_the_next_is_answered(solver):
    assert solver.ask(State(years=1)) == {"years": 1}
    solver.timeout = 0.3
    with pytest.raises(worker.TooSlow):
        solver.ask(State(years=2))
    solver.timeout = 20.0
    assert solver.ask(State(years=4)) == {"years": 4}


def test_a_solver_that_died_is_replaced(solver):
    with pytest.raises(worker.Broken):
        solver.ask(State(years=3))
    assert solver.ask(State(years=4)) == {"years": 4}


def test_a_queue_that_is_full_is_said(solver):
    solver.ask(State(years=1))
    with solver._turn:
        waiting = [threading.Thread(target=solver.ask, args=(State(years=1),)) for _ in range(2)]
        for one in waiting:
            one.start()
        time.sleep(0.2)
        with pytest.raises(worker.Busy):
            solver.ask(State(years=1))
    for one in waiting:
        one.join(20)
