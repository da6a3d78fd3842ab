"""`run.py explore`: a page on this computer that solves the model again at every change of a control."""

from __future__ import annotations

import argparse
import sys

EPILOG = """\
examples:
  python run.py explore                   serves the page on 127.0.0.1 and opens it in the browser
  python run.py explore --no-browser      only prints the address
  python run.py explore --port 0          takes any free port

Only this computer can reach the page, and it loads nothing from elsewhere. Ctrl-C ends it. What is on screen can be
exported as a scenario for `python run.py solve`, or kept as a link.

exit codes: 0 ended, 2 the port is taken, 3 a package is missing.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `explore`."""
    parser = subparsers.add_parser(
        "explore",
        help="a page on this computer that solves again at every change",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=_port, default=8765, metavar="N", help="port (default 8765; 0 is any)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only the address")


def _port(text: str) -> int:
    """A port number."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a number from 0 to 65535")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    import webbrowser

    from outputs.explorer import server
    from outputs.explorer.worker import Worker

    listening = server.listen(args.port)
    address = f"http://{server.HOST}:{listening.getsockname()[1]}/"
    worker = Worker()
    print(address if args.quiet else f"The explorer is at {address} (Ctrl-C ends it).", flush=True)
    if not args.no_browser and sys.stdout.isatty():
        webbrowser.open(address)
    try:
        server.run(worker, listening)
    except KeyboardInterrupt:
        pass
    finally:
        worker.close()
        listening.close()
    return 0
