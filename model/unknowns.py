"""The vector of unknowns: which cells exist, and the way between the vector and the arrays of `State`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

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
    edges: tuple[
        int, ...
    ]  # where each array starts among all cells, and the end; what a closure holds is left out
    learns: bool  # research is unknown
    members: dict[str, Array]  # factors of the blocks `mobile` and `sluggish`, sectors of `research_e`

    @cached_property
    def kept(self) -> list[int]:
        """Positions of the arrays that are laid out."""
        return [position for position, (start, end, _) in enumerate(self.pieces) if end > start]

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
        """State arrays as views of all cells laid end to end (or of columns of them); what is left out is 0."""
        columns = full.shape[1:]
        return State(*[
            full[start:end].reshape(shape + columns) if end > start else np.zeros(shape + columns, full.dtype)
            for start, end, shape in self.pieces
        ])  # fmt: skip

    def pack(self, state: State) -> Array:
        """The vector (or the columns) of a state's active cells, or of residuals in the order of `State`."""
        columns = state.price.shape[2:]
        return np.concatenate([state[at].reshape(-1, *columns) for at in self.kept])[self.positions]

    def flatten(self, r: Residuals) -> Array:
        """All cells of residuals (or their columns) laid end to end, in the order of `State`."""
        columns = r.market.shape[2:]
        return np.concatenate([r[ORDER[at]].reshape(-1, *columns) for at in self.kept])

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


def layout(system: System, whole: bool = False) -> Layout:
    """Which cells exist in this solve; whole: what the closure holds has its place among all cells, too."""
    b, research = system.benchmark, system.research
    learns = system.learns
    stages = np.zeros((b.output.shape[0], len(b.stage_sector)), dtype=bool)
    moves = system.closure.capacity == "target"
    if moves:
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
    held = {"research_x": not learns, "research_e": not learns, "capacity": not moves}
    sizes = [
        0 if held.get(name, False) and not whole else mask.size
        for name, mask in zip(State._fields, masks, strict=True)
    ]
    edges = list(accumulate(sizes, initial=0))
    laid_out = [mask.reshape(-1) for mask, size in zip(masks, sizes, strict=True) if size]
    positions = np.nonzero(np.concatenate(laid_out))[0]
    starts = np.searchsorted(positions, edges).tolist()
    return Layout(
        masks, tuple(starts[:-1]), starts[-1], positions, tuple(edges), learns,
        {"mobile": system.mobile, "sluggish": system.sluggish, "research_e": system.nests.users},
    )  # fmt: skip
