"""How many tokens and dollars a run takes: an estimate beforehand, a limit while it runs, and a pace."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from calibration.evidence.patents.endpoint import Endpoint, Prompt

CHARACTERS_PER_TOKEN = 3.5  # English patent text; a safe figure, most tokenisers need fewer tokens
MESSAGE_TOKENS = 60  # roles, schema and framing
TYPICAL_OUTPUT_TOKENS = 110
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would take, were every answer well-formed. minutes: by the rate limits alone; 0 without any."""

    requests: int
    cached: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    minutes: float


def input_tokens(prompt: Prompt, text: str) -> int:
    """Tokens of one request, estimated from its length."""
    return MESSAGE_TOKENS + math.ceil((len(prompt.system) + len(text)) / CHARACTERS_PER_TOKEN)


def cost(endpoint: Endpoint, tokens_in: float, tokens_out: float) -> float:
    """USD"""
    return (
        tokens_in * endpoint.usd_per_million_input_tokens
        + tokens_out * endpoint.usd_per_million_output_tokens
    ) / 1e6


def estimate(endpoint: Endpoint, prompt: Prompt, texts: Sequence[str], cached: int) -> Estimate:
    """What asking about these texts would take."""
    tokens_in = sum(input_tokens(prompt, text) for text in texts)
    tokens_out = TYPICAL_OUTPUT_TOKENS * len(texts)
    by_requests = len(texts) / endpoint.requests_per_minute if endpoint.requests_per_minute else 0.0
    by_tokens = (tokens_in + tokens_out) / endpoint.tokens_per_minute if endpoint.tokens_per_minute else 0.0
    total = cost(endpoint, tokens_in, tokens_out)
    return Estimate(len(texts), cached, tokens_in, tokens_out, total, max(by_requests, by_tokens))


@dataclass
class Budget:
    """What was spent and what requests under way may still cost; a request starts only when both fit the
    limits.
    """

    endpoint: Endpoint
    tokens_in: int = 0
    tokens_out: int = 0
    requests: int = 0
    _reserved: list[tuple[int, int]] = field(default_factory=list)

    def reserve(self, tokens_in: int) -> bool:
        """Set a request's worst case aside; False when it does not fit any more."""
        worst = (tokens_in, self.endpoint.max_output_tokens)
        total_in = self.tokens_in + worst[0] + sum(r[0] for r in self._reserved)
        total_out = self.tokens_out + worst[1] + sum(r[1] for r in self._reserved)
        limit_cost, limit_tokens = self.endpoint.max_cost_usd, self.endpoint.max_tokens
        if limit_cost is not None and cost(self.endpoint, total_in, total_out) > limit_cost:
            return False
        if limit_tokens is not None and total_in + total_out > limit_tokens:
            return False
        self._reserved.append(worst)
        return True

    def settle(self, reserved_in: int, used_in: int, used_out: int) -> None:
        """Replace what was set aside by what was used."""
        self._reserved.remove((reserved_in, self.endpoint.max_output_tokens))
        self.tokens_in += used_in
        self.tokens_out += used_out
        self.requests += 1

    @property
    def under_way(self) -> int:
        """Requests something is set aside for."""
        return len(self._reserved)

    @property
    def cost_usd(self) -> float:
        """Spent so far."""
        return cost(self.endpoint, self.tokens_in, self.tokens_out)


@dataclass
class Pace:
    """Keeps requests and tokens per minute below the endpoint's limits by spacing them evenly."""

    endpoint: Endpoint
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _next: float = -math.inf

    async def wait(self, tokens: int) -> None:
        """Return when a request of so many tokens may start."""
        per_request = MINUTE / self.endpoint.requests_per_minute if self.endpoint.requests_per_minute else 0.0
        by_tokens = (
            MINUTE * tokens / self.endpoint.tokens_per_minute if self.endpoint.tokens_per_minute else 0.0
        )
        start = max(self.clock(), self._next)
        self._next = start + max(per_request, by_tokens)
        delay = start - self.clock()
        if delay > 0:
            await self.sleep(delay)

    def hold(self, seconds: float) -> None:
        """Let nobody start for a while, as a server that is overrun asks."""
        self._next = max(self._next, self.clock() + seconds)
