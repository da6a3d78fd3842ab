"""The page and its one question, over HTTP on this computer only.

Starlette and uvicorn: small, long maintained, typed, and strict about what is HTTP. The standard library's server says
of itself that it makes basic security checks only, and other pages in the same browser can reach this one.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from calibration.errors import InputError, Problem
from outputs.explorer.state import read
from outputs.explorer.worker import Broken, Busy, TooSlow, Worker

HOST = "127.0.0.1"
FILES = {
    "/": ("index.html", "text/html"),
    "/explorer.js": ("explorer.js", "text/javascript"),
    "/charts.js": ("charts.js", "text/javascript"),
    "/explorer.css": ("explorer.css", "text/css"),
}
LARGEST = 4096  # bytes of a request's body; a state has a few hundred
PATIENCE = 5.0  # seconds for a body to arrive
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Next = Callable[[Request], Awaitable[Response]]


class OnlyThisPage(BaseHTTPMiddleware):
    """Refuse what comes by another name (DNS rebinding) or from another site, and set the headers of every answer."""

    async def dispatch(self, request: Request, call_next: Next) -> Response:
        """Answer a request that is ours."""
        why = foreign(request)
        response = problem(403, why) if why else await call_next(request)
        response.headers.update(HEADERS)
        return response


def foreign(request: Request) -> str:
    """Why a request is not from our own page; empty when it is."""
    host = request.headers.get("host", "")
    port = request.url.port if request.scope.get("server") is None else request.scope["server"][1]
    own = "" if port == 80 else f":{port}"  # browsers leave out the port that http has by default
    if host not in {f"{name}{own}" for name in (HOST, "localhost")}:
        return "this page answers to its own address only"
    origin = request.headers.get("origin")
    if origin is not None and (urlsplit(origin).scheme, origin.partition("://")[2]) != ("http", host):
        return "this page answers to itself only"
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return "this page answers to itself only"
    return ""


def problem(status: int, *what: str) -> JSONResponse:
    """An answer that says what is wrong."""
    return JSONResponse({"problems": list(what)}, status)


def application(worker: Worker) -> Starlette:
    """The page, its files, and /solve."""
    files = {path: (Path(__file__).parent / "page" / name).read_bytes() for path, (name, _) in FILES.items()}

    async def page(request: Request) -> Response:
        path = request.scope["path"]
        return Response(files[path], media_type=FILES[path][1])

    async def solve(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return problem(415, "send application/json")
        try:
            state = read(await body(request))
            return JSONResponse(await run_in_threadpool(worker.ask, state))
        except InputError as error:
            return problem(422, *str(error).splitlines())
        except TooLarge:
            return problem(413, f"a request has at most {LARGEST} bytes")
        except (TimeoutError, ClientDisconnect):
            return problem(408, "the request did not arrive in time")
        except Busy:
            return problem(503, "busy: other changes are being solved; try again")
        except TooSlow:
            return problem(
                504, f"not solved within {worker.timeout:.0f} seconds; the solver was started again"
            )
        except Broken as error:
            return problem(500, f"the solver failed ({error}) and is ready again")

    async def missing(request: Request, error: Exception) -> Response:
        return problem(404, "nothing here")

    async def unsupported(request: Request, error: Exception) -> Response:
        return problem(405, "not in this way")

    async def failed(request: Request, error: Exception) -> Response:
        return problem(500, "the explorer failed on this request")

    routes = [Route(path, page, methods=["GET"]) for path in FILES]
    return Starlette(
        routes=[*routes, Route("/solve", solve, methods=["POST"])],
        middleware=[Middleware(OnlyThisPage)],
        exception_handlers={404: missing, 405: unsupported, Exception: failed},
    )


class TooLarge(Exception):
    """A body beyond LARGEST."""


async def body(request: Request) -> bytes:
    """The body, as long as it is short and arrives soon. Raises TooLarge, TimeoutError."""
    parts = b""
    with anyio.fail_after(PATIENCE):
        async for part in request.stream():
            parts += part
            if len(parts) > LARGEST:
                raise TooLarge
    return parts


def listen(port: int) -> socket.socket:
    """A socket on the loopback interface; port 0 takes a free one. Raises InputError when the port is taken."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
        found.listen()
    except OSError as error:
        found.close()
        expected = "another --port, or --port 0 for any"
        raise InputError(Problem(f"port {port}: {error.strerror}", expected=expected)) from None
    return found


def config(worker: Worker) -> uvicorn.Config:
    """How it is served: one protocol, few connections, short headers, nothing said of the server itself."""
    return uvicorn.Config(
        application(worker),
        http="h11",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="error",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=40,
        timeout_keep_alive=5,
        h11_max_incomplete_event_size=16384,
    )


def run(worker: Worker, listening: socket.socket) -> None:
    """Serve until interrupted."""
    asyncio.run(uvicorn.Server(config(worker)).serve(sockets=[listening]))
