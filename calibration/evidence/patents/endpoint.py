"""What is said to a language model and what counts as its answer: settings, prompt, schema, one request.

Any endpoint that speaks OpenAI's chat-completions protocol will do, hosted or local (Ollama, vLLM,
llama.cpp). The key is read from an environment variable whose name the settings give, is passed to the
client, and goes nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from calibration.errors import InputError, Problem
from calibration.evidence.patents.records import APPLICATIONS, CLASSES, ELEMENTS, Application, PatentClass
from calibration.evidence.patents.text import holds_sentence
from calibration.strict_yaml import load
from calibration.validate import Schema, validate

PROMPTS = Path(__file__).parent / "prompts"
Element = Literal[
    "La", "Ce", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Y", "Sc"
]
Positive = Annotated[float, Field(gt=0)]


class Endpoint(Schema):
    """Settings of a language model: where, which, how fast and at what price. No key stands here."""

    base_url: str
    model: str
    api_key_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    prompt: str = "v1"
    response_format: Literal["json_schema", "json_object", "text"] = "json_schema"
    temperature: float | None = 0.0  # null: leave it to the server, as some models demand
    max_output_tokens: Annotated[int, Field(ge=50)] = 400
    # Hosted reasoning models know the limit by the longer name only, most local servers by the shorter.
    output_limit_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    timeout_seconds: Positive = 60.0
    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None
    transport_attempts: Annotated[int, Field(ge=1)] = 6
    malformed_attempts: Annotated[int, Field(ge=1)] = 3
    backoff_seconds: Annotated[float, Field(ge=0)] = 1.0
    usd_per_million_input_tokens: Annotated[float, Field(ge=0)] = 0.0
    usd_per_million_output_tokens: Annotated[float, Field(ge=0)] = 0.0
    max_cost_usd: Positive | None = None
    max_tokens: Positive | None = None

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("not a web address such as http://localhost:11434/v1")
        if parts.username or parts.password or parts.query:
            raise ValueError("an address with a user, password or query: keys come from the environment only")
        return value

    @model_validator(mode="after")
    def _limit_limits(self) -> Endpoint:
        free = not (self.usd_per_million_input_tokens or self.usd_per_million_output_tokens)
        if self.max_cost_usd is not None and free:
            raise ValueError(
                "max_cost_usd limits nothing without a price: usd_per_million_input_tokens or _output_tokens"
            )
        return self


class Answer(BaseModel):
    """What the model must answer, and nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    category: PatentClass
    elements: list[Element]
    application: Application
    confidence: float = Field(ge=0, le=1)
    sentence: str


class PromptFile(Schema):
    """A versioned prompt."""

    version: int
    system: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt and the fingerprint of every word of it and of the answer's schema."""

    version: int
    system: str
    fingerprint: str


class MalformedAnswer(ValueError):
    """The model answered, but not what was asked for."""


# Written out, because servers differ in which words of JSON Schema they know: these all do.
ANSWER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "category": {"type": "string", "enum": list(CLASSES)},
        "elements": {"type": "array", "items": {"type": "string", "enum": list(ELEMENTS)}},
        "application": {"type": "string", "enum": list(APPLICATIONS)},
        "confidence": {"type": "number"},
        "sentence": {"type": "string"},
    },
    "required": ["category", "elements", "application", "confidence", "sentence"],
    "additionalProperties": False,
}


def read_endpoint(path: str | Path) -> Endpoint:
    """Settings from a YAML file. Raises InputError."""
    return validate(Endpoint, load(path))


def read_prompt(name: str) -> Prompt:
    """A prompt by its version, `v1`, or a YAML file of one's own. Raises InputError."""
    path = Path(name) if Path(name).suffix else PROMPTS / f"{name}.yaml"
    content = validate(PromptFile, load(path))
    words = json.dumps([content.system, ANSWER_SCHEMA], sort_keys=True)
    return Prompt(content.version, content.system, hashlib.sha256(words.encode()).hexdigest()[:16])


def read_key(endpoint: Endpoint) -> str:
    """The key from the environment; a word that is no key where the endpoint needs none, so that no other key
    of the environment is sent to it. Raises InputError when the variable is not set.
    """
    if endpoint.api_key_env is None:
        return "no-key-needed"
    key = os.environ.get(endpoint.api_key_env, "").strip()
    if not key:
        raise InputError(
            Problem(
                f"the environment variable {endpoint.api_key_env} is not set",
                where="api_key_env",
                expected="a key",
            )
        )
    return key


def cache_key(endpoint: Endpoint, prompt: Prompt, text: str) -> str:
    """Fingerprint of model, its settings that change answers, prompt and text."""
    parts = [
        endpoint.model,
        endpoint.response_format,
        endpoint.temperature,
        endpoint.max_output_tokens,
        prompt.fingerprint,
        text,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def messages(prompt: Prompt, text: str) -> list[dict[str, str]]:
    """The conversation: instructions as the system, the patent as one JSON object, which no text can close
    early.
    """
    return [
        {"role": "system", "content": prompt.system},
        {"role": "user", "content": json.dumps({"text": text}, ensure_ascii=False)},
    ]


def request(endpoint: Endpoint, prompt: Prompt, text: str, warmer: int = 0) -> dict[str, Any]:
    """The arguments of one chat completion; each malformed answer before raises the temperature by 0.2."""
    arguments: dict[str, Any] = {
        "model": endpoint.model,
        "messages": messages(prompt, text),
        endpoint.output_limit_name: endpoint.max_output_tokens,
    }
    if endpoint.temperature is not None:
        arguments["temperature"] = min(endpoint.temperature + 0.2 * warmer, 2.0)
    if endpoint.response_format == "json_schema":
        schema = {"name": "patent_label", "strict": True, "schema": ANSWER_SCHEMA}
        arguments["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif endpoint.response_format == "json_object":
        arguments["response_format"] = {"type": "json_object"}
    return arguments


def read_answer(content: str | None, finish_reason: str | None, text: str) -> Answer:
    """The answer, if it is one: whole, of the schema, its sentence standing in the text. Raises
    MalformedAnswer.
    """
    if finish_reason == "length":
        raise MalformedAnswer("cut off at the token limit")
    if finish_reason == "content_filter" or not content:
        raise MalformedAnswer("empty or withheld")
    bare = content.strip()
    if bare.startswith("```"):  # servers without structured output often fence their JSON
        bare = bare.strip("`").removeprefix("json").strip()
    try:
        answer = Answer.model_validate_json(bare)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise MalformedAnswer(
            f"{place}: {first['msg']}"[:160] if place else "not the JSON asked for"
        ) from None
    if not holds_sentence(text, answer.sentence):
        raise MalformedAnswer("the deciding sentence does not stand in the text")
    return answer
