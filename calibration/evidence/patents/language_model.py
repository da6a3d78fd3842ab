"""Classify patents by a language model: many requests at once, retried, paced, paid for once, accounted for
one by one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from calibration.errors import InputError
from calibration.evidence.patents.budget import Budget, Estimate, Pace, estimate, input_tokens
from calibration.evidence.patents.cache import Cache, CachedAnswer
from calibration.evidence.patents.endpoint import (
    Answer,
    Endpoint,
    MalformedAnswer,
    Prompt,
    cache_key,
    read_answer,
    request,
)
from calibration.evidence.patents.records import Patent, Verdict
from calibration.evidence.patents.text import clean

log = logging.getLogger(__name__)

LONGEST_WAIT = 60.0  # seconds between two attempts
GIVE_UP_AFTER = 20  # patents in a row that no attempt could bring to the server
NO_TEXT = "no text is left to classify"


class EndpointError(InputError):
    """The endpoint refuses everything: a wrong key, model or address. No use in going on."""


class _Unreachable(Exception):
    """No attempt for one patent got an answer of any kind."""


class _Refused(Exception):
    """The server refuses this one request, as too long for instance."""


class _Unsure(Exception):
    """A refusal before any reply: this request may be at fault, or the settings."""


@dataclass(frozen=True, slots=True)
class Run:
    """Verdicts in the order of the patents, and what the run took."""

    verdicts: tuple[Verdict, ...]
    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    from_cache: int
    stopped: str  # why some are pending; "" when none is


@dataclass
class _State:
    """What the workers of one run share."""

    endpoint: Endpoint
    prompt: Prompt
    client: Any
    cache: Cache
    budget: Budget
    pace: Pace
    secret: str
    progress: Callable[[int], object]
    queue: list[tuple[str, str]]  # (key, text) still to be asked
    stopped: str = ""
    failures_in_row: int = 0
    refused_in_row: int = 0
    replies: int = 0
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    pending: dict[str, str] = field(default_factory=dict)  # key -> why


def prepare(
    patents: Sequence[Patent], endpoint: Endpoint, prompt: Prompt
) -> tuple[dict[str, str], dict[str, str]]:
    """Text by cache key, each once however many patents share it; and cache key by patent id."""
    texts, keys = {}, {}
    for patent in patents:
        text = clean(patent.text).text
        key = cache_key(endpoint, prompt, text)
        texts[key] = text
        keys[patent.id] = key
    if len(keys) != len(patents):
        raise InputError("two patents have the same id")
    return texts, keys


def dry_run(patents: Sequence[Patent], endpoint: Endpoint, prompt: Prompt, cache: Cache) -> Estimate:
    """What classifying would take, asking nothing."""
    texts, _ = prepare(patents, endpoint, prompt)
    known = cache.get(texts)
    return estimate(endpoint, prompt, [t for k, t in texts.items() if k not in known and t], len(known))


def classify(
    patents: Sequence[Patent],
    endpoint: Endpoint,
    prompt: Prompt,
    cache: Cache,
    key: str,
    *,
    progress: Callable[[int], object] = lambda _: None,
) -> Run:
    """A verdict for every patent, from the cache where it has one. `progress` is told how many more are done.

    Raises EndpointError when the endpoint refuses the key, the model or the address; what was answered before
    is kept.
    """
    texts, keys = prepare(patents, endpoint, prompt)
    known = cache.get(texts)
    progress(sum(key in known for key in keys.values()))
    budget = Budget(endpoint)
    state = _State(
        endpoint,
        prompt,
        None,
        cache,
        budget,
        Pace(endpoint),
        key,
        progress,
        [(k, t) for k, t in texts.items() if k not in known][::-1],
    )
    if state.queue:
        try:
            asyncio.run(_work(state, key))
        except* EndpointError as group:
            first: BaseException = group
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise first from None
    # Read back, so that a first run and a resumed one report from the same rows.
    final = cache.get(texts)
    verdicts = tuple(
        _verdict(patent.id, final.get(keys[patent.id]), state, endpoint, prompt, keys[patent.id])
        for patent in patents
    )
    return Run(
        verdicts,
        budget.requests,
        budget.tokens_in,
        budget.tokens_out,
        budget.cost_usd,
        sum(k in known for k in keys.values()),
        state.stopped,
    )


async def _work(state: _State, key: str) -> None:
    openai = _openai()
    async with openai.AsyncOpenAI(
        base_url=state.endpoint.base_url,
        api_key=key,
        max_retries=0,  # retries are counted, paced and paid here
        timeout=state.endpoint.timeout_seconds,
    ) as client:
        state.client = client
        async with asyncio.TaskGroup() as group:
            for _ in range(min(state.endpoint.concurrency, len(state.queue))):
                group.create_task(_worker(state))


async def _worker(state: _State) -> None:
    while state.queue and not state.stopped:
        key, text = state.queue.pop()
        try:
            answer = await _ask(state, key, text)
        except _Unreachable as error:
            state.pending[key] = str(error)
            state.failures_in_row += 1
            if state.failures_in_row >= min(GIVE_UP_AFTER, 2 * state.endpoint.concurrency):
                state.stopped = f"the endpoint cannot be reached: {error}"
            continue
        except _OutOfBudget:
            state.stopped = "the budget is used up"
            continue
        except _Unsure:
            state.queue.insert(0, (key, text))
            continue
        state.failures_in_row = 0
        state.cache.put(answer)
        state.progress(1)


class _OutOfBudget(Exception):
    """The next request does not fit the limits."""


async def _ask(state: _State, key: str, text: str) -> CachedAnswer:
    """One patent's answer after as many attempts as are allowed."""
    sent, used_in, used_out, reason = 0, 0, 0, NO_TEXT
    answer: Answer | None = None
    if text:
        for attempt in range(state.endpoint.malformed_attempts):
            try:
                reply, requests, tokens_in, tokens_out = await _send(state, text, attempt)
            except _Refused as error:
                sent, reason = sent + 1, str(error)
                break
            sent, used_in, used_out = sent + requests, used_in + tokens_in, used_out + tokens_out
            try:
                answer = read_answer(*reply, text)
                break
            except MalformedAnswer as error:
                reason = f"malformed answer: {_redact(str(error), state.secret)}"
    return CachedAnswer(
        key,
        state.endpoint.model,
        f"{state.prompt.version}:{state.prompt.fingerprint}",
        "unclassified" if answer is None else "classified",
        "" if answer is None else answer.model_dump_json(),
        reason if answer is None else "",
        sent,
        used_in,
        used_out,
    )


async def _send(state: _State, text: str, warmer: int) -> tuple[tuple[str | None, str | None], int, int, int]:
    """(content, finish reason) of the first reply, requests sent and tokens used; `warmer`: how many answers
    were malformed before, as a model that must not vary would only repeat itself. Raises _Unreachable after
    the last attempt, _Refused, _OutOfBudget and EndpointError.
    """
    openai = _openai()
    expected = input_tokens(state.prompt, text)
    last = ""
    for attempt in range(state.endpoint.transport_attempts):
        while not state.budget.reserve(expected):
            if not state.budget.under_way:
                raise _OutOfBudget
            state.settled.clear()  # what is under way may cost less than was set aside for it
            await state.settled.wait()
        used = (expected, 0)  # a request that failed may have been read and billed
        wait = 0.0
        try:
            await state.pace.wait(expected)
            # The client's timeout is for silence; a server that drips bytes is stopped by this one.
            async with asyncio.timeout(state.endpoint.timeout_seconds):
                arguments = request(state.endpoint, state.prompt, text, warmer)
                reply = await state.client.chat.completions.create(**arguments)
            content, finish = _first_choice(reply)
            usage = getattr(reply, "usage", None)
            used = (
                getattr(usage, "prompt_tokens", None) or expected,
                getattr(usage, "completion_tokens", None) or len(content or "") // 4,
            )
            state.refused_in_row, state.replies = 0, state.replies + 1
            return (content, finish), attempt + 1, *used
        except (TimeoutError, openai.APITimeoutError):
            last = "timed out"
        except openai.APIStatusError as error:
            last = f"status {error.status_code}"
            wait = _judge_status(state, error)
        except openai.APIConnectionError as error:
            last = f"no connection ({type(error.__cause__ or error).__name__})"
        except (openai.APIError, ValueError, TypeError) as error:  # a body that is no completion
            last = f"not a completion ({type(error).__name__})"
        finally:
            state.budget.settle(expected, *used)
            state.settled.set()
        if attempt + 1 < state.endpoint.transport_attempts:
            backoff = state.endpoint.backoff_seconds * 2**attempt * random.uniform(0.5, 1.0)
            await asyncio.sleep(min(max(wait, backoff), LONGEST_WAIT))
    raise _Unreachable(last)


def _judge_status(state: _State, error: Any) -> float:
    """Seconds the server asks to wait, for a status that may pass. Raises EndpointError or _Refused for one
    that will not.
    """
    status, said = error.status_code, _redact(str(error.message), state.secret)[:200]
    if status in (401, 403):  # not repeated: such messages quote parts of the key
        name = state.endpoint.api_key_env
        what = f"the key in {name}" if name else "a request without a key"
        raise EndpointError(f"{state.endpoint.base_url} refuses {what} (status {status})") from None
    if status == 429 and "insufficient_quota" not in said:
        wait = _retry_after(error.response.headers)
        state.pace.hold(min(wait, LONGEST_WAIT))
        return wait
    if status in (408, 409, 425) or status >= 500:
        return _retry_after(error.response.headers)
    if status in (400, 413, 422):
        state.refused_in_row += 1
        # One patent may be too long; when nothing but refusals comes back it is the settings.
        if state.replies:
            raise _Refused(f"refused by the server: status {status}")
        if state.refused_in_row < 5:
            raise _Unsure
    raise EndpointError(
        f"the endpoint {state.endpoint.base_url} answered with status {status}: {said}"
    ) from None


def _retry_after(headers: Any) -> float:
    try:
        return max(0.0, float(headers.get("retry-after", "0")))
    except ValueError:
        return 0.0  # a date; the back-off will do


def _first_choice(reply: Any) -> tuple[str | None, str | None]:
    if not getattr(reply, "choices", None):
        return None, None
    choice = reply.choices[0]
    return choice.message.content, choice.finish_reason


def _redact(text: str, secret: str) -> str:
    """Text without the key: servers are known to repeat it in their errors."""
    return text.replace(secret, "[key]") if secret else text


def _verdict(
    identity: str, row: CachedAnswer | None, state: _State, endpoint: Endpoint, prompt: Prompt, key: str
) -> Verdict:
    name = f"{endpoint.model}:prompt-{prompt.version}"
    if row is None:
        return Verdict(
            identity,
            "pending",
            classifier=name,
            reason=state.pending.get(key) or state.stopped or "not reached",
        )
    if row.status == "unclassified":
        return Verdict(identity, "unclassified", classifier=name, reason=row.reason)
    answer = json.loads(row.answer)
    return Verdict(
        identity,
        "classified",
        answer["category"],
        tuple(dict.fromkeys(answer["elements"])),
        answer["application"],
        answer["confidence"],
        answer["sentence"],
        name,
    )


def _openai() -> Any:
    try:
        import openai
    except ImportError as error:
        raise InputError(
            "a language model needs the openai client; install the extra: pip install '.[evidence]'"
        ) from error
    return openai
