"""What a solve that failed says, with the lines of the scenario's file that it is about."""

from __future__ import annotations

from model.feasibility import UNSOLD
from scenarios.instruments import Recycling, Stockpile
from scenarios.scenario import Scenario

BRINGS = {Stockpile: "release", Recycling: "tonnes"}


def located(scenario: Scenario, message: str) -> str:
    """The message, with the places that release or recover a good where it says that more comes than is used."""
    if UNSOLD not in message:
        return message
    fields = [(line, BRINGS.get(type(line), "")) for line in scenario.instruments]
    places = [
        str(scenario.place(line.name).problem((field,), ""))
        for line, field in fields
        if field and getattr(line, field) is not None
    ]
    return "; ".join([message, *places])
