"""An approximate inverse of the Jacobian, from the structure of the economy.

Three parts, each solved on its own:

* *regions*: prices, outputs, wages, rents and income of ordinary goods, region by region, links between regions cut
  (one small inverse each). Trade ties ordinary sectors of different regions weakly enough for this to leave a
  few Krylov steps only.
* *chain*: prices of the rare-earth chain and of everything a quota names, outputs of who makes it, rents and capacity
  of its stages, and licences, all regions together (one dense factorisation), because origins are close substitutes.
  Research on elements is eliminated from it, sector by sector.
* *research*: given the chain's prices, research on elements in closed form.

The first hardly moves in a rare-earth scenario: it is that of the base year, kept with the benchmark, unless the
iterates get far away. The second is renewed when prices have moved.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import fields
from functools import partial
from itertools import product

import numpy as np
from scipy.linalg.lapack import dgetrs

from model.blocks import factors, inverse, triangular_inverse
from model.equilibrium import State, allocate
from model.memory import remember
from model.prepare import prepare
from model.records import Array, Shock
from model.system import System, among
from model.tangent import Tangent, linearise_for_steps
from model.tangent.home import home_blocks
from model.tangent.trade import Cells, Trade
from model.unknowns import Layout, layout

NEARLY = 0.9  # of a sum of squares
ORDINARY = ("price", "output", "wage", "rent", "income", "research_x")


class Preconditioner:
    """Approximate inverse of the Jacobian of one system; vectors hold all cells, laid end to end."""

    def __init__(self, system: System, cells: Layout, start: Callable[[], Tangent] | None = None) -> None:
        """start: the Jacobian where searches begin, which is that of the base year if only quotas change."""
        self.regions = Regions(system, cells, start)
        self.chain = Chain(system, cells) if len(system.sourcing.cell) else None

    def copy(self) -> Preconditioner:
        """The same factorisations, to be renewed on their own."""
        other = copy(self)
        other.regions, other.chain = copy(self.regions), copy(self.chain)
        return other

    def renew(self, tangent: Tangent, regions: bool, chain: bool) -> None:
        """Factorise at the iterate of a tangent."""
        if regions:
            self.regions.renew(tangent)
        if self.chain is not None and (chain or self.chain.factors is None):
            self.chain.renew(tangent)

    def holds(self, vector: Array) -> bool:
        """Whether nearly all of a vector is the chain's, for which J x = vector is then solved but for a trifle."""
        if self.chain is None:
            return False
        part = vector[self.chain.rows]
        return bool(part @ part >= NEARLY * (vector @ vector))

    def apply(self, vector: Array) -> Array:
        """An approximate solution of J x = vector."""
        out = vector.copy()
        self.regions.apply(vector, out)
        if self.chain is not None:
            self.chain.apply(vector, out)
        return out


def identity(cells: Layout, chosen: Array) -> State:
    """States with a 1 at each chosen cell: a column for each row of chosen, whose entries lie in different regions."""
    full = np.zeros((cells.edges[-1], len(chosen)))
    full[chosen.T, np.arange(len(chosen))] = 1.0
    return cells.arrange(full)


def _widen(array: Array, columns: int, at: int = 0) -> Array:
    """With columns of zeros put in."""
    wide = np.zeros((*array.shape[:-1], columns + array.shape[-1]))
    wide[..., :at], wide[..., at + columns :] = array[..., :at], array[..., at:]
    return wide


class Regions:
    """Ordinary goods, region by region."""

    def __init__(self, system: System, cells: Layout, start: Callable[[], Tangent] | None = None) -> None:
        b = system.benchmark
        chain: dict[str, Array] = {
            "price": among(system.supplied.shape[1], system.sourcing.cell),
            "output": among(system.active.shape[1], system.makers),
            "rent": np.tile(among(system.active.shape[1], b.stage_sector), len(system.sluggish)),
        }
        self.researches = cells.learns and not system.research.by_sector
        rows, present = [], []
        chosen: dict[str, Array] = {}
        names = ORDINARY if self.researches else ORDINARY[:-1]
        masks = {name: cells.masks[State._fields.index(name)].reshape(len(b.output), -1) for name in names}
        for name, mask in masks.items():
            chosen[name] = np.nonzero((mask & np.logical_not(chain.get(name, False))).any(axis=0))[0]
        own = _own_goods(system, chosen["price"], chosen["output"])
        self.plain = (
            own is not None and not self.researches and len(chosen["wage"]) > 0 == len(chosen["rent"])
        )
        self.goods, self.sectors = chosen["price"] if own is None else own, chosen["output"]
        chosen["price"] = self.goods
        for name, mask in masks.items():
            edge = cells.edges[State._fields.index(name)]
            rows.append(edge + mask.shape[1] * np.arange(len(mask))[:, None] + chosen[name])
            present.append(mask[:, chosen[name]])
        self.rows, self.present = np.concatenate(rows, axis=1), np.concatenate(present, axis=1)  # (n,l)
        same = (
            system.sourcing.cell.tobytes(),
            self.rows.tobytes(),
            self.present.tobytes(),
        )  # an embargo may close cells
        closure = None if self.plain else system.closure
        tangent: Callable[[], Tangent] = partial(_of_base_year, system)
        if start is not None and _begins_at_base_year(system):
            tangent = start
        self.inverse = remember(b, ("regions", closure, same), lambda: self._invert(tangent()))

    def renew(self, tangent: Tangent) -> None:
        """Blocks and their inverses at the iterate of a tangent."""
        self.inverse = self._invert(tangent)

    def _invert(self, tangent: Tangent) -> Array:
        """(n,l,l) the inverse of each region's block, zero in rows of cells that do not exist."""
        if self.plain:
            blocks = home_blocks(tangent, self.goods, self.sectors)
            if not self.present.all():
                blocks *= self.present[:, :, None] & self.present[:, None, :]
            return triangular_inverse(blocks, ~self.present, len(self.goods))
        cells = layout(tangent.system)
        columns = identity(cells, self.rows.T)
        image = cells.flatten(tangent.at_home(self.researches)(columns))  # (cells, l)
        blocks = image[self.rows] * self.present[:, :, None] * self.present[:, None, :]
        return inverse(blocks, ~self.present)

    def apply(self, vector: Array, out: Array) -> None:
        """Solve for the ordinary cells."""
        right = vector[self.rows].astype(np.float32)
        out[self.rows] = (self.inverse @ right[:, :, None])[:, :, 0]


def _begins_at_base_year(system: System) -> bool:
    """Whether a search from hats of 1 begins at the base year: nothing but quotas is new, and none has a price yet."""
    changed = {f.name for f in fields(Shock) if getattr(system.shock, f.name) is not f.default}
    return changed <= {"quotas"} and not system.benchmark.licence.any()


def _of_base_year(system: System) -> Tangent:
    base = prepare(system.benchmark, Shock(), system.closure, (), like=system)
    cells = layout(base)
    return linearise_for_steps(base, allocate(base, cells.unpack(np.zeros(cells.size))))


def _own_goods(system: System, goods: Array, sectors: Array) -> Array | None:
    """The good of each sector, where each makes one that no other makes, and these are the goods given."""
    makers = among(system.active.shape[1], sectors)[system.pair_sector]
    made: Array = system.pair_good[makers]
    of_goods = among(system.supplied.shape[1], goods)[system.pair_good].sum()
    alone = len(made) == len(sectors) == len(goods) == of_goods
    return made if alone and len(goods) and (np.sort(made) == goods).all() else None


class Chain:
    """The rare-earth chain and what quotas name, all regions together; research on elements follows."""

    def __init__(self, system: System, cells: Layout) -> None:
        self.system, self.cells = system, cells
        b = system.benchmark
        self.goods, self.stages, n = system.sourcing.cell, b.stage_sector, len(b.output)
        self.makers = system.makers
        target = system.closure.capacity == "target"
        positions = {
            "price": self.goods, "output": self.makers,
            "rent": system.stage_factor * b.output.shape[1] + self.stages if len(self.stages) else self.stages,
            "capacity": np.arange(len(self.stages) if target else 0),
        }  # fmt: skip
        local, active, sizes = [], [], []
        for name, chosen in positions.items():
            field = State._fields.index(name)
            mask = cells.masks[field].reshape(n, -1)
            local.append(cells.edges[field] + mask.shape[1] * np.arange(n)[:, None] + chosen)
            active.append(mask[:, chosen])
            sizes.append(len(chosen))
        self.local, self.active = np.concatenate(local, axis=1), np.concatenate(active, axis=1)  # (n,l)
        self.there = np.flatnonzero(self.active)
        self.edges = np.cumsum(sizes)[:-1]
        world = np.arange(cells.edges[State._fields.index("licence")], cells.edges[-1])
        self.rows = np.concatenate([self.local[self.active], world])
        self.research = slice(*cells.edges[State._fields.index("research_e") :][:2])
        self.follows = cells.learns and len(system.nests.users) > 0
        self.factors: tuple[Array, Array] | None = None

    def renew(self, tangent: Tangent) -> None:
        """Assemble and factorise."""
        self.tangent = tangent
        self.factors = factors(self._assemble(tangent))

    def _replies(self, tangent: Tangent) -> tuple[Array, Array]:
        """What a region does when a price it faces, or one of its own unknowns of the chain, moves.

        Spending (c,n,k,.), and what is supplied, profits, rents and capacity as rows in the order of `local` (n,l,.).
        Columns: purchaser prices (c,k), then the region's unknowns in the order of `local`.
        """
        system, region, own = self.system, tangent.region.of(self.goods), self.local.shape[1]
        classes, k = len(system.benchmark.trade_share), len(self.goods)
        faced = classes * k
        d = self._moved(0, own)
        net = tangent.supply.net(d.price, d.production_licence)
        at_gate = tangent.supply.gate_price(net, d.production_licence)
        revenue, supplied, _ = tangent.supply.change(d, net, at_gate)
        # What the region's own producer prices do, they do through what buyers pay: only the rest has replies of cost.
        d = self._moved(k, faced + own - k)
        price = np.zeros((classes, len(d.price), k, d.price.shape[-1]))
        for position, (cls, good) in enumerate(product(range(classes), range(k))):
            price[cls, :, good, position] = 1.0
        if self.follows:
            d = d._replace(research_e=region.follow(d, price, self._reward(d), 0.0))
        reply = region.respond(d, price)
        sluggish = tangent.factors.change(d, reply, None)[1] if len(self.stages) else d.rent
        changes = [-reply.nest[:, self.makers], sluggish[:, system.stage_factor, self.stages]]
        if own > self.edges[-1]:
            changes.append(tangent.capacity(d, reply))
        rows = np.zeros((len(d.price), own, faced + own))
        rows[:, :k, faced:] = supplied[:, self.goods]
        rows[:, k:] = _widen(np.concatenate(changes, axis=1), k, at=faced)
        rows[:, k : k + len(self.makers), faced:] += revenue[:, self.makers]
        return _widen(reply.net, k, at=faced), rows

    def _moved(self, first: int, width: int) -> State:
        """The unknowns of `local` from the first on, each moved by 1 in the last of so many columns."""
        moving = self.local[:, first:].T
        columns = np.zeros((self.cells.edges[-1], width))
        columns[moving, np.arange(width - len(moving), width)[:, None]] = 1.0
        return self.cells.arrange(columns)

    def _reward(self, d: State) -> Array:
        """ln Y / wr of using sectors, the region's wage of scientists taken as given."""
        users = self.system.nests.users
        return d.output[:, users] * (0.0 if self.system.research.by_sector else 1.0)

    def _assemble(self, tangent: Tangent) -> Array:
        """The Jacobian of the chain: replies of regions, tied together by sourcing and sales."""
        cells, (replies, rows), system = _cells(tangent), self._replies(tangent), self.system
        x, local = len(self.rows), len(self.there)
        own = np.zeros((*self.local.shape, x))
        own[self.active, np.arange(local)] = 1.0
        world = np.zeros((x - local, x))
        world[:, local:] = np.eye(x - local)
        ends = np.cumsum([len(system.restrictions.quotas), len(system.restrictions.leaking)])
        chi, leak, made = np.split(world, ends)
        earned, _, _, capacity = np.split(own, self.edges, axis=1)
        _, dp = self._prices(tangent, earned, made)
        price = cells.inward(dp.swapaxes(0, 1), chi, capacity)  # (c,kc,n,x)
        c, k, n, _ = price.shape
        faced = np.concatenate([price.transpose(2, 0, 1, 3).reshape(n, c * k, x), own], axis=1)
        net = replies.transpose(1, 0, 2, 3).reshape(n, c * k, -1) @ faced
        spending = net.reshape(n, c, k, x).transpose(1, 2, 0, 3)
        _, demand, tonnes = cells.outward(
            dp.swapaxes(0, 1), chi, cells.log_capacity(capacity), price, spending
        )
        rows = rows @ faced
        supplied = rows[:, :k]
        if len(made):
            self._made(tangent, supplied[..., -len(made) :])
        production = self._production(tangent, dp, made, supplied)
        supplied -= demand.swapaxes(0, 1)
        quota, smuggling = tangent.quotas(chi, leak, tonnes)
        return np.concatenate([rows.reshape(-1, x)[self.there], quota, smuggling, production])

    def _prices(self, tangent: Tangent, earned: Array, licence: Array) -> tuple[Array, Array]:
        """(n,kc,x) ln of what units sold leave their producers, and of gate prices; licence (qp,x)."""
        supply = tangent.supply
        if supply.sells is None:
            return earned, earned
        price = np.zeros((len(earned), self.system.supplied.shape[1], earned.shape[-1]))
        price[:, self.goods] = earned
        net = supply.net(price, licence)
        return net[:, self.goods], supply.gate_price(net, licence)[:, self.goods]

    def _made(self, tangent: Tangent, supplied: Array) -> None:
        """Add what licences of production quotas do to the value of what is sold; columns: the licences."""
        net, price = self._prices(tangent, np.zeros_like(supplied), np.eye(supplied.shape[-1]))
        supplied += price - net

    def _production(self, tangent: Tangent, dp: Array, made: Array, supplied: Array) -> Array:
        """Rows of production quotas, which read the goods of the chain only."""
        if not len(made):
            return made
        price, supply = np.zeros((2, len(dp), self.system.supplied.shape[1], dp.shape[-1]))
        price[:, self.goods], supply[:, self.goods] = dp, supplied
        return tangent.supply.quotas(price, made, supply)

    def apply(self, vector: Array, out: Array) -> None:
        """Solve for the cells of the chain, and then for research on elements."""
        assert self.factors is not None  # `renew` comes first
        lu, pivots = self.factors
        out[self.rows] = dgetrs(lu, pivots, vector[self.rows])[0]
        if not self.follows:
            return
        d, cells = self.cells.arrange(out[:, None]), _cells(self.tangent)
        price = np.zeros((*self.tangent.a.sources.price.shape, 1))
        supply = self.tangent.supply
        at_gate = supply.gate_price(supply.net(d.price, d.production_licence), d.production_licence)
        dp = at_gate.swapaxes(0, 1)[cells.goods]
        price[:, :, cells.goods] = cells.inward(dp, d.licence, d.capacity).swapaxes(1, 2)
        excess = vector[self.research].reshape(d.research_e.shape)
        out[self.research] = self.tangent.region.follow(d, price, self._reward(d), excess).reshape(-1)


def _cells(tangent: Tangent) -> Cells:
    """Sourcing of cell goods, which a chain has."""
    assert isinstance(tangent.trade, Trade)
    assert tangent.trade.cells is not None
    return tangent.trade.cells
