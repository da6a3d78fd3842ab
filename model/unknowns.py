"""The vector of unknowns: which cells exist, and the way between the vector and the arrays of `State`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from model.equilibrium import Residuals, State
from model.records import Array
from model.system import System

# Where each block of the residuals stands in the vector: the same cells as the unknown it is paired with.
BLOCKS = tuple(zip(State._fields, ("market", "profit", "mobile", "sluggish", "budget", "research_x", "research_e",
                                   "capacity", "quota", "leak", "production"), strict=True))  # fmt: skip
ORDER = tuple(Residuals._fields.index(name) for _, name in BLOCKS)


@dataclass(frozen=True)
class Layout:
    """Masks of the cells that are unknowns, in the order of `State`."""

    masks: tuple[Array, ...]
    starts: tuple[int, ...]
    size: int
    positions: Array  # of the unknowns among all cells, laid end to end
    edges: tuple[int, ...]  # where each array starts among all cells, and the end
    learns: bool  # research is unknown
    members: dict[str, Array]  # factors of the blocks `mobile` and `sluggish`, sectors of `research_e`

    @cached_property
    def pieces(self) -> list[tuple[int, int, tuple[int, ...]]]:
        """Where each array starts and ends among all cells, and its shape."""
        return list(zip(self.edges[:-1], self.edges[1:], [mask.shape for mask in self.masks], strict=True))

    def unpack(self, vector: Array) -> State:
        """State arrays from a vector (or from the columns of a matrix: arrays then have a last axis of columns)."""
        full = np.zeros((self.edges[-1], *vector.shape[1:]), dtype=vector.dtype)
        full[self.positions] = vector
        return self.arrange(full)

    def arrange(self, full: Array) -> State:
        """State arrays as views of all cells laid end to end (or of columns of them)."""
        columns = full.shape[1:]
        return State(*[full[start:end].reshape(shape + columns) for start, end, shape in self.pieces])

    def pack(self, state: State) -> Array:
        """The vector (or the columns) of a state's active cells, or of residuals in the order of `State`."""
        columns = state.price.shape[2:]
        return np.concatenate([array.reshape(-1, *columns) for array in state])[self.positions]

    def flatten(self, r: Residuals) -> Array:
        """All cells of residuals (or their columns) laid end to end, in the order of `State`."""
        columns = r.market.shape[2:]
        return np.concatenate([r[position].reshape(-1, *columns) for position in ORDER])

    def pack_residuals(self, r: Residuals) -> Array:
        """Residuals in the order of the unknowns they are paired with."""
        return self.pack(State(*(getattr(r, name) for _, name in BLOCKS)))

    def locate(self, position: int) -> tuple[str, tuple[int, ...]]:
        """(residual block, cell) of an entry of the residual vector; factors and sectors as in the benchmark."""
        block = int(np.searchsorted(self.starts, position, side="right")) - 1
        cell = [int(c) for c in np.argwhere(self.masks[block])[position - self.starts[block]]]
        name = BLOCKS[block][1]
        if name in self.members:  # the second axis counts a part of all factors or sectors
            cell[1] = int(self.members[name][cell[1]])
        return name, tuple(cell)


def layout(system: System) -> Layout:
    """Which cells exist in this solve."""
    b, research = system.benchmark, system.research
    learns = system.closure.technology == "target" and system.closure.regime != "exogenous"
    stages = np.zeros((b.output.shape[0], len(b.stage_sector)), dtype=bool)
    if system.closure.capacity == "target":
        stages = system.supply_share[:, system.stage_factor, b.stage_sector] > 0
    masks = (
        system.supplied,
        system.active,
        system.endowment[:, system.mobile] > 0,
        system.supply_share > 0,
        system.income_base > 0,
        research.active_x & learns,
        research.active_e & learns,
        stages,
        np.ones(len(system.restrictions.quotas), dtype=bool),
        np.ones(len(system.restrictions.leaking), dtype=bool),
        np.ones(len(system.restrictions.production), dtype=bool),
    )
    starts = np.concatenate([[0], np.cumsum([int(m.sum()) for m in masks])])
    edges = np.concatenate([[0], np.cumsum([m.size for m in masks])])
    positions = np.nonzero(np.concatenate([m.reshape(-1) for m in masks]))[0]
    return Layout(
        masks, tuple(int(s) for s in starts[:-1]), int(starts[-1]), positions, tuple(int(e) for e in edges), learns,
        {"mobile": system.mobile, "sluggish": system.sluggish, "research_e": system.nests.users},
    )  # fmt: skip
