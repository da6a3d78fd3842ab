"""Classify patents by a language model: many at once, retried, paced, paid for once, accounted for one by one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from calibration.errors import InputError
from calibration.evidence.patents.budget import Budget, Estimate, Pace, estimate
from calibration.evidence.patents.cache import Cache, CachedAnswer
from calibration.evidence.patents.endpoint import (
    Answer,
    Endpoint,
    MalformedAnswer,
    Prompt,
    cache_key,
    read_answer,
)
from calibration.evidence.patents.records import NO_TEXT, Patent, Verdict
from calibration.evidence.patents.text import clean
from calibration.evidence.patents.transport import (
    EndpointError,
    Line,
    OutOfBudget,
    Refused,
    Unreachable,
    Unsure,
    client_library,
    redact,
    send,
)

GIVE_UP_AFTER = 20  # patents in a row that no attempt could bring to the server


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

    line: Line
    cache: Cache
    progress: Callable[[int], object]
    queue: list[tuple[str, str]]  # (key, text) still to be asked
    stopped: str = ""
    failures_in_row: int = 0
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


def dry_run(
    patents: Sequence[Patent], endpoint: Endpoint, prompt: Prompt, cache: Cache, *, retry: bool = False
) -> Estimate:
    """What classifying would take, asking nothing; with `retry`, those that are unclassified are asked again."""
    texts, _ = prepare(patents, endpoint, prompt)
    known = {k for k, answer in cache.get(texts).items() if not (retry and answer.status == "unclassified")}
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
    queue = [(k, t) for k, t in texts.items() if k not in known][::-1]
    state = _State(Line(endpoint, prompt, None, budget, Pace(endpoint), key), cache, progress, queue)
    if state.queue:
        try:
            asyncio.run(_work(state))
        except* EndpointError as group:
            first: BaseException = group
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise first from None
    # Read back, so that a first run and a resumed one report from the same rows.
    final = cache.get(texts)
    verdicts = tuple(
        replace(
            _verdict(patent.id, final.get(keys[patent.id]), state, keys[patent.id]),
            suspicious=clean(patent.text).suspicious,
        )
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


async def _work(state: _State) -> None:
    openai = client_library()
    async with openai.AsyncOpenAI(
        base_url=state.line.endpoint.base_url,
        api_key=state.line.secret,
        max_retries=0,  # retries are counted, paced and paid here
        timeout=state.line.endpoint.timeout_seconds,
    ) as client:
        state.line.client = client
        async with asyncio.TaskGroup() as group:
            for _ in range(min(state.line.endpoint.concurrency, len(state.queue))):
                group.create_task(_worker(state))


async def _worker(state: _State) -> None:
    while state.queue and not state.stopped:
        key, text = state.queue.pop()
        try:
            answer = await _ask(state, key, text)
        except Unreachable as error:
            state.pending[key] = str(error)
            state.failures_in_row += 1
            if state.failures_in_row >= min(GIVE_UP_AFTER, 2 * state.line.endpoint.concurrency):
                state.stopped = f"the endpoint cannot be reached: {error}"
            continue
        except OutOfBudget:
            state.stopped = "the budget is used up"
            continue
        except Unsure:
            state.queue.insert(0, (key, text))
            continue
        state.failures_in_row = 0
        state.cache.put(answer)
        state.progress(1)


async def _ask(state: _State, key: str, text: str) -> CachedAnswer:
    """One patent's answer after as many attempts as are allowed."""
    sent, used_in, used_out, reason = 0, 0, 0, NO_TEXT
    answer: Answer | None = None
    if text:
        for attempt in range(state.line.endpoint.malformed_attempts):
            try:
                reply = await send(state.line, text, attempt)
            except Refused as error:
                sent, reason = sent + 1, str(error)
                break
            sent, used_in = sent + reply.requests, used_in + reply.input_tokens
            used_out += reply.output_tokens
            try:
                answer = read_answer(reply.content, reply.finish_reason, text)
                break
            except MalformedAnswer as error:
                reason = f"malformed answer: {redact(str(error), state.line.secret)}"
    return CachedAnswer(
        key,
        state.line.endpoint.model,
        f"{state.line.prompt.version}:{state.line.prompt.fingerprint}",
        "unclassified" if answer is None else "classified",
        "" if answer is None else answer.model_dump_json(),
        reason if answer is None else "",
        sent,
        used_in,
        used_out,
    )


def _verdict(identity: str, row: CachedAnswer | None, state: _State, key: str) -> Verdict:
    name = f"{state.line.endpoint.model}:prompt-{state.line.prompt.version}"
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
