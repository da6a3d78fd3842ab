"""What a solve that failed says, with the lines of the scenario's file that it is about."""

from __future__ import annotations

from model.feasibility import UNSOLD
from scenarios.instruments import Recycling, Stockpile
from scenarios.scenario import Scenario


def located(scenario: Scenario, message: str, year: int | None = None) -> str:
    """The message, with the places that release or recover more of a good in a year than is used, where it says so."""
    if UNSOLD not in message:
        return message
    given = {Stockpile: "release", Recycling: "tonnes"}
    fields = [(line, given.get(type(line), "")) for line in scenario.instruments if line.in_force(year)]
    places = [
        str(scenario.place(line.name).problem((field,), ""))
        for line, field in fields
        if field and getattr(line, field) is not None
    ]
    return "; ".join([message, *places])
