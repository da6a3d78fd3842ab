"""One request to a language model, until a reply of any kind comes or no attempt is left."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from calibration.errors import InputError
from calibration.evidence.patents.budget import Budget, Pace, input_tokens
from calibration.evidence.patents.endpoint import Endpoint, Prompt, request

LONGEST_WAIT = 60.0  # seconds between two attempts


class EndpointError(InputError):
    """The endpoint refuses everything: a wrong key, model or address. No use in going on."""


class Unreachable(Exception):
    """No attempt for one patent got an answer of any kind."""


class Refused(Exception):
    """The server refuses this one request, as too long for instance."""


class Unsure(Exception):
    """A refusal before any reply: this request may be at fault, or the settings."""


class OutOfBudget(Exception):
    """The next request does not fit the limits."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, and what it took: requests sent, failed ones included, and tokens of the last one."""

    content: str | None
    finish_reason: str | None
    requests: int
    input_tokens: int
    output_tokens: int


@dataclass
class Line:
    """A connection to an endpoint, shared by all who ask: client, budget, pace, and how the server has behaved."""

    endpoint: Endpoint
    prompt: Prompt
    client: Any
    budget: Budget
    pace: Pace
    secret: str
    refused_in_row: int = 0
    replies: int = 0
    settled: asyncio.Event = field(default_factory=asyncio.Event)


async def send(line: Line, text: str, warmer: int) -> Reply:
    """The first reply to a patent's text. `warmer`: how many answers were malformed before, as a model that must not
    vary would only repeat itself.

    Raises Unreachable after the last attempt, OutOfBudget, Refused, Unsure and EndpointError.
    """
    openai = client_library()
    expected = input_tokens(line.prompt, text)
    last = ""
    for attempt in range(line.endpoint.transport_attempts):
        while not line.budget.reserve(expected):
            if not line.budget.under_way:
                raise OutOfBudget
            line.settled.clear()  # what is under way may cost less than was set aside for it
            await line.settled.wait()
        used = (expected, 0)  # a request that failed may have been read and billed
        wait = 0.0
        try:
            await line.pace.wait(expected)
            # The client's timeout is for silence; a server that drips bytes is stopped by this one.
            async with asyncio.timeout(line.endpoint.timeout_seconds):
                arguments = request(line.endpoint, line.prompt, text, warmer)
                reply = await line.client.chat.completions.create(**arguments)
            content, finish = _first_choice(reply)
            usage = getattr(reply, "usage", None)
            used = (
                _tokens(usage, "prompt_tokens") or expected,
                _tokens(usage, "completion_tokens") or len(content or "") // 4,
            )
            line.refused_in_row, line.replies = 0, line.replies + 1
            return Reply(content, finish, attempt + 1, *used)
        except (TimeoutError, openai.APITimeoutError):
            last = "timed out"
        except openai.APIStatusError as error:
            last = f"status {error.status_code}"
            wait = _judge_status(line, error)
        except openai.APIConnectionError as error:
            last = f"no connection ({type(error.__cause__ or error).__name__})"
        except (openai.APIError, ValueError, TypeError) as error:  # a body that is no completion
            last = f"not a completion ({type(error).__name__})"
        finally:
            line.budget.settle(expected, *used)
            line.settled.set()
        if attempt + 1 < line.endpoint.transport_attempts:
            backoff = line.endpoint.backoff_seconds * 2**attempt * random.uniform(0.5, 1.0)
            await asyncio.sleep(min(max(wait, backoff), LONGEST_WAIT))
    raise Unreachable(last)


def _judge_status(line: Line, error: Any) -> float:
    """Seconds the server asks to wait, for a status that may pass. Raises EndpointError or Refused for one
    that will not.
    """
    status, said = error.status_code, redact(str(error.message), line.secret)[:200]
    if status in (401, 403):  # not repeated: such messages quote parts of the key
        name = line.endpoint.api_key_env
        what = f"the key in {name}" if name else "a request without a key"
        raise EndpointError(f"{line.endpoint.base_url} refuses {what} (status {status})") from None
    if status == 429 and "insufficient_quota" not in said:
        wait = _retry_after(error.response.headers)
        line.pace.hold(min(wait, LONGEST_WAIT))
        return wait
    if status in (408, 409, 425) or status >= 500:
        return _retry_after(error.response.headers)
    if status in (400, 413, 422):
        line.refused_in_row += 1
        # One patent may be too long; when nothing but refusals comes back it is the settings.
        if line.replies:
            raise Refused(f"refused by the server: status {status}")
        if line.refused_in_row < 5:
            raise Unsure
    raise EndpointError(
        f"the endpoint {line.endpoint.base_url} answered with status {status}: {said}"
    ) from None


def _retry_after(headers: Any) -> float:
    """Seconds to wait by a header that holds a number of them, or a date (RFC 9110); 0 without one."""
    given = headers.get("retry-after", "0")
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0  # no date either; the back-off will do


def _first_choice(reply: Any) -> tuple[str | None, str | None]:
    """Text and finish reason of the first choice; None for what is no text, as the client passes on any JSON."""
    choices = getattr(reply, "choices", None)
    choice = choices[0] if isinstance(choices, list) and choices else None
    content = getattr(getattr(choice, "message", None), "content", None)
    reason = getattr(choice, "finish_reason", None)
    return content if isinstance(content, str) else None, reason if isinstance(reason, str) else None


def _tokens(usage: Any, name: str) -> int:
    """A count of the reply's usage; 0 for what is none, and for less, so that no server lowers what was spent."""
    count = getattr(usage, name, None)
    return max(count, 0) if isinstance(count, int) else 0


def redact(text: str, secret: str) -> str:
    """Text without the key: servers are known to repeat it in their errors."""
    return text.replace(secret, "[key]") if secret else text


def client_library() -> Any:
    import openai

    return openai
