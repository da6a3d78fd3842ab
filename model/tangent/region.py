"""What a region does at given purchaser prices, in percentage changes: E3-E5, E8, E10, E15-E17.

Nothing here crosses a border, spillovers of research excepted.
"""

from __future__ import annotations

from copy import copy
from typing import Any, NamedTuple

import numpy as np

from model.equilibrium import Allocation, State, directed
from model.markets import labour_wage
from model.records import Array
from model.system import System, span
from model.tangent.trade import reciprocal, times


class Reply(NamedTuple):
    """Changes by region; a last axis x of directions."""

    nest: Array  # (n,j,x) ln unit cost
    on_factor: Array  # (n,j,x) ln outlay on a factor, its own price term excepted
    gross: Array  # (c,n,k,x) million USD
    net: Array  # (c,n,k,x) what origins face
    stock: Array | None  # (n,k,x)
    final_price: Array  # (n,x)
    share_x: Array | None  # (n,r,x) ln cost share of X; it changes in sectors that use rare earths only
    share_e: Array | None  # (n,r,e,x)


class Bundle(NamedTuple):
    """Materials of the sectors of one class of use: the share of a good is scale * share * power."""

    use_class: int
    sectors: Any  # a slice or positions
    share: Array  # (n,j,k)
    scale: Array  # (n,j,1)
    power: Array | None  # (n,k,1), None where it is part of `share`

    def cost(self, price: Array) -> Array:
        """E4: (n,j,x) ln price of materials, from prices (n,k,x)."""
        weighted = price if self.power is None else self.power * price
        return self.scale * times(self.share, weighted)

    def bought(self, spending: Array) -> Array:
        """E8: (n,k,x) spending on goods, from spending on materials (n,j,x)."""
        found = times(self.share.swapaxes(1, 2), self.scale * spending)
        return found if self.power is None else self.power * found


class Region:
    """Shares at the allocation, and the replies they imply."""

    def __init__(self, system: System, a: Allocation, rough: bool = False) -> None:
        self.system, self.a, self.rough = system, a, rough
        nests, c, sp = system.nests, a.costs, a.spending
        self.goods: Any = slice(None)  # whose prices and spending are looked at: all
        self.users, self.elements = span(nests.users), span(system.benchmark.elements)
        self.mobile, self.sluggish = span(system.mobile), span(system.sluggish)
        self.learns = system.learns
        self.rewards = system.researches  # cost shares of elements move something
        self.spills = self.learns and system.closure.regime == "directed_with_spillovers"
        added = nests.value_added * np.exp(nests.rho_added * (c.value_added - c.other))
        self.materials_part = (1 - added)[..., None]
        self.gap_added = (nests.rho_added * (1 - added))[..., None]
        self.gap_materials = (nests.rho_added * added)[..., None]
        factor = nests.factor * np.exp(nests.rho_factor[..., None, :] * (a.wage - c.value_added[:, None, :]))
        self.mobile_share = factor[:, self.mobile].swapaxes(1, 2)  # (n,j,fm)
        self.sluggish_share = factor[:, self.sluggish, :, None] if len(system.sluggish) else None
        self.rho_factor = nests.rho_factor[..., None]
        self.outlay = sp.on_materials[..., None]
        self.rho_material = nests.rho_material[..., None]
        self.material, self.own = self._materials()
        self.final = sp.final[..., None]
        total = sp.final.sum(axis=1, keepdims=True)
        self.final_share = (sp.final * reciprocal(total))[:, None, :]
        self.paid: Array | None = None
        if system.log_use.any():
            self.paid = np.exp(-system.log_use)[..., None]  # gross spending per dollar of the users
        if len(nests.users):
            self._rare_earths()

    def of(self, goods: Array) -> Region:
        """Replies to the prices of some goods, by spending on these; goods in order, all elements among them."""
        part = copy(self)
        part.goods = where = span(goods)
        part.elements = span(np.searchsorted(goods, self.system.benchmark.elements))
        part.own, part.final, part.final_share = (
            self.own[:, :, where], self.final[:, where], self.final_share[:, :, where]
        )  # fmt: skip
        part.paid = None if self.paid is None else self.paid[:, where]
        part.material = [
            bundle._replace(
                share=bundle.share[:, :, where],
                power=None if bundle.power is None else bundle.power[:, where],
            )
            for bundle in self.material
        ]
        return part

    def _materials(self) -> tuple[list[Bundle], Array]:
        """Shares of goods in materials by class of use, and the own-price term of spending (c,n,k,1)."""
        nests, b, c, sp = self.system.nests, self.system.benchmark, self.a.costs, self.a.spending
        own = np.zeros((*c.users_price.shape, 1))
        found = []
        material = nests.rough_material if self.rough else nests.group_material
        for cls, sectors, groups, group in nests.by_class:
            where, power = span(sectors), None
            scale = np.exp(-nests.rho_material[:, where] * c.materials[:, where])[:, :, None]
            powers = [1 + c.materials_power[position] for position in groups]
            if len(groups) == 1:
                share, power = material[groups[0]], powers[0][:, :, None]
            else:
                share = np.stack(powers, axis=1).astype(material[0].dtype, copy=False).take(group, axis=1)
                share *= nests.material[:, where]
            bundle = Bundle(cls, where, share, scale, power)
            own[cls] += bundle.bought((nests.rho_material * sp.on_materials)[:, where, None])
            found.append(bundle)
        own[b.final_class, :, :, 0] += nests.rho_final * sp.final
        return found, own

    def _rare_earths(self) -> None:
        nests, c, sp = self.system.nests, self.a.costs, self.a.spending
        rho_e = nests.rho_element[..., None]
        self.element = nests.element * np.exp(rho_e * (c.element_price - c.ree[:, :, None]))  # (n,r,e)
        share = sp.share_ree[:, self.users]
        rho = nests.rho_ree[:, self.users]
        self.ree_share = share[..., None]
        self.to_share_x = (rho * share)[..., None]
        self.to_share_ree = (rho * (share - 1))[..., None]
        self.rho_element = nests.rho_element[..., None]
        self.on_element = sp.on_element
        self.element_own = (rho_e * sp.on_element).sum(axis=1)[..., None]  # (n,e,1)

    # ---------------------------------------------------------------- E3-E5

    def respond(self, d: State, price: Array) -> Reply:
        """Costs, spending and research shares; price (c,n,k,x)."""
        value_added, materials = self.value_added(d), self.materials(price)
        gap = value_added - materials
        other = value_added - self.materials_part * gap
        tech_x, tech_e = self.technology(d)
        if tech_x is not None:
            other = other - tech_x
        nest, on_other, share_x, share_e, on_element = other, d.output, None, None, None
        if len(self.system.nests.users):
            nest, on_other = other.copy(), d.output.copy()
            effective = self.element_prices(price)
            if tech_e is not None:
                effective = effective - tech_e
            ree = self.bundle(effective)
            spread = other[:, self.users] - ree
            nest[:, self.users] -= self.ree_share * spread
            share_x = self.to_share_x * spread
            on_other[:, self.users] += share_x
            share_e, on_element = self.elements_demand(d, effective, spread, ree, len(price))
        on_factor = on_other + self.gap_added * gap - self.rho_factor * value_added
        on_materials = on_other - self.gap_materials * gap
        gross, final_price = self.spending(d, price, materials, on_materials, on_element)
        stock, net = self.stocks(price, gross)
        return Reply(nest, on_factor, gross, net, stock, final_price, share_x, share_e)

    def value_added(self, d: State) -> Array:
        """E4: (n,j,x) ln price of value added."""
        wages = self.mobile_share @ d.wage
        return wages if self.sluggish_share is None else wages + (self.sluggish_share * d.rent).sum(axis=1)

    def other_cost(self, d: State, price: Array) -> Array:
        """E4: (n,j,x) ln cost of all inputs but rare earths, before technology."""
        value_added = self.value_added(d)
        return value_added - self.materials_part * (value_added - self.materials(price))

    def materials(self, price: Array) -> Array:
        """E4: (n,j,x) ln price of materials."""
        if len(self.material) == 1:
            return self.material[0].cost(price[self.material[0].use_class])
        out = np.empty((*self.outlay.shape[:2], price.shape[-1]), dtype=price.dtype)
        for bundle in self.material:
            out[:, bundle.sectors] = bundle.cost(price[bundle.use_class])
        return out

    def technology(self, d: State) -> tuple[Array | None, Array | None]:
        """E17 is linear in ln r."""
        if not self.learns:
            return None, None
        q = self.system.research
        a_x = q.own_x[:, None, None] * d.research_x
        a_e = q.own_e[:, None, :, None] * d.research_e
        if self.spills:
            live_x, live_e = d.research_x * q.active_x[..., None], d.research_e * q.active_e[..., None]
            columns = d.research_x.shape[-1]
            a_x = a_x + q.spill_x[:, None, None] * q.reach_x[..., None] * _spread(q.region, live_x, q.sector)
            if len(self.system.nests.users):
                a_x[:, self.users] += (q.breadth[..., None] * live_e).sum(axis=2)
                sector = q.sector[np.ix_(self.system.nests.users, self.system.nests.users)]
                shape = live_e.shape
                spilt = _spread(q.region, live_e.reshape(*shape[:2], -1), sector).reshape(*shape[:3], columns)
                a_e = a_e + (q.spill_e[:, None, :] * q.reach_e)[..., None] * spilt
        return a_x * q.active_x[..., None], a_e * q.active_e[..., None]

    # ---------------------------------------------------------------- rare earths: E3, E5, E8, E15

    def element_prices(self, price: Array) -> Array:
        """(n,r or 1,e,x) purchaser prices of elements by using sector, before technology."""
        if len(price) == 1:
            return price[0][:, None, self.elements]
        classes = self.system.benchmark.use_class[self.system.nests.users]
        return price[classes][:, :, self.elements].swapaxes(0, 1)

    def bundle(self, effective: Array) -> Array:
        """E3: (n,r,x) ln price of the REE bundle, from that of elements (n,r or 1,e,x), technology included."""
        if effective.shape[1] == 1:
            return self.element @ effective[:, 0]
        return (self.element[..., None] * effective).sum(axis=2)

    def elements_demand(
        self, d: State, effective: Array, spread: Array, ree: Array, classes: int
    ) -> tuple[Array | None, Array]:
        """ln cost shares of elements (n,r,e,x), when research needs them, and spending on them (c,n,e,x)."""
        common = self.to_share_ree * spread - self.rho_element * ree
        regions, _, elements, columns = effective.shape
        out = np.zeros((classes, regions, elements, columns), dtype=effective.dtype)
        if self.rewards or effective.shape[1] > 1 or classes > 1:
            share_e = common[:, :, None] + self.rho_element[..., None] * effective
            spent = self.on_element[..., None] * (d.output[:, self.users, None] + share_e)
            for cls, users in self.system.users_by_class:
                out[cls] = spent[:, users].sum(axis=1)
            return share_e, out
        scale = d.output[:, self.users] + common
        out[0] = self.on_element.swapaxes(1, 2) @ scale
        out[0] += self.element_own * effective[:, 0]
        return None, out

    def follow(self, d: State, price: Array, reward: Array, excess: Array | float) -> Array:
        """E15, E17 of elements solved for research when it moves its own technology only, (n,r,e,x).

        price (c,n,k,x); reward (n,r,x) ln Y / wr; excess (n,r,e,x): residual to be met. The sum over elements gives
        one equation for the price of the bundle.
        """
        q, rho = self.system.research, self.rho_element
        price_e, other = self.element_prices(price), self.other_cost(d, price)[:, self.users]
        own = (q.own_e[:, None, :] * q.active_e)[..., None]
        damp = 1 / (1 + own * rho[..., None])
        to_other = -self.to_share_ree  # rho_ree (1 - share)
        common = reward - to_other * other
        weight = self.element[..., None] * damp
        mean = (weight * own).sum(axis=2)
        effective = (weight * (price_e - own * excess)).sum(axis=2) - mean * common
        slope = to_other - rho
        ree = effective / (1 + slope * mean)
        pull = rho[..., None] * price_e + (slope * ree + common)[:, :, None] + excess
        return damp * pull * q.active_e[..., None]

    # ---------------------------------------------------------------- E8

    def spending(
        self, d: State, price: Array, materials: Array, on_materials: Array, on_element: Array | None
    ) -> tuple[Array, Array]:
        """Gross spending (c,n,k,x) and ln price of the final bundle (n,x)."""
        system, final_class = self.system, self.system.benchmark.final_class
        change = self.outlay * (on_materials - self.rho_material * materials)
        gross = self.own * price
        for bundle in self.material:
            gross[bundle.use_class] += bundle.bought(change[:, bundle.sectors])
        if on_element is not None:
            gross[:, :, self.elements] += on_element
        final_price = (self.final_share @ price[final_class])[:, 0]
        gross[final_class] += self.final * (d.income - system.nests.rho_final * final_price)[:, None]
        if self.paid is not None:
            gross = gross * self.paid
        return gross, final_price

    def stocks(self, price: Array, gross: Array) -> tuple[Array | None, Array]:
        """E9: value of stock released (n,k,x) and what is left for origins (c,n,k,x)."""
        system, sp = self.system, self.a.spending
        if system.stock is None:
            return None, gross
        worth, before = sp.stock[:, self.goods], sp.gross[:, :, self.goods]
        today = np.take_along_axis(price, system.stock_class[None, :, self.goods, None], axis=0)[0]
        stock = worth[..., None] * today
        per = reciprocal(before.sum(axis=0))
        part = stock * per[..., None] - (worth * per**2)[..., None] * gross.sum(axis=0)
        return stock, gross * (1 - worth * per)[..., None] - before[..., None] * part

    # ---------------------------------------------------------------- E15, E16

    def scientists(self, d: State, reply: Reply, labour: Array) -> tuple[Array, Array | None]:
        """E16: change of ln scientists' wage (n,j,x), and of L^r (n,x) when it moves."""
        system, a = self.system, self.a
        q, users = system.research, self.users
        if q.by_sector:
            wage = self.sector_wage(d, reply, labour)
            return wage, self.hired(wage, labour)
        output = a.state.output + system.log_subsidy
        direction = directed(system, a)
        w_x = q.weight_x * np.exp(direction.share_x + output)
        w_e = q.weight_e * np.exp(direction.share_e + output[:, users, None])
        total = w_x.sum(axis=1) + w_e.sum(axis=(1, 2))
        change = (w_x[:, None] @ d.output)[:, 0]
        if reply.share_x is not None:
            change = change + (w_x[:, users, None] * reply.share_x).sum(axis=1)
            change = change + (w_e.sum(axis=2)[..., None] * d.output[:, users]).sum(axis=1)
            change = change + (w_e[..., None] * self._share_e(reply)).sum(axis=(1, 2))
        wage = (change * reciprocal(total)[:, None] + q.supply * labour) / (1 + q.supply)
        everywhere = np.broadcast_to(wage[:, None], d.output.shape)
        return everywhere, self.hired(everywhere, labour)

    def sector_wage(self, d: State, reply: Reply, labour: Array) -> Array:
        """E16, `sector`: (n,j,x) ln wage of scientists."""
        q, direction = self.system.research, directed(self.system, self.a)
        change = d.output
        if reply.share_x is not None and reply.share_e is not None and q.subsidised:
            x = q.subsidised_x * np.exp(direction.share_x)
            e = q.subsidised_e * np.exp(direction.share_e)
            level = 1 + x
            level[:, self.users] += e.sum(axis=2)
            moved = x[:, self.users, None] * reply.share_x + (e[..., None] * reply.share_e).sum(axis=2)
            change = change.copy()
            change[:, self.users] += moved / level[:, self.users, None]
        return (change + q.supply * labour[:, None]) / (1 + q.supply)

    def hired(self, wage: Array, labour: Array) -> Array | None:
        """E16: (n,x) change of L^r, where its supply responds."""
        q, a = self.system.research, self.a
        if q.supply == 0.0:
            return None
        gap = directed(self.system, a).wage - labour_wage(self.system, a.state.wage, a.state.rent)[:, None]
        moved = (q.sector_share * np.exp(q.supply * gap))[..., None] * q.supply * (wage - labour[:, None])
        return moved.sum(axis=1)

    def _share_e(self, reply: Reply) -> Array:
        if reply.share_e is None:
            raise ValueError("shares of elements are not part of this reply")
        return reply.share_e

    def research(self, d: State, reply: Reply, wage: Array) -> tuple[Array, Array]:
        """E15: ln r less what prices, markets and scientists' wages make of it."""
        q, reward = self.system.research, d.output - wage
        x = d.research_x - reward * q.active_x[..., None]
        if reply.share_x is None or reply.share_e is None:
            return x, d.research_e
        x[:, self.users] -= reply.share_x * q.active_x[:, self.users, None]
        e = d.research_e - (reply.share_e + reward[:, self.users, None]) * q.active_e[..., None]
        return x, e


def _spread(region: Array, research: Array, sector: Array) -> Array:
    """E17: (n,q,x) sum over m and j of Omega_region[n,m] research[m,j,x] Omega_sector[q,j]."""
    return sector @ (region @ research.reshape(len(research), -1)).reshape(research.shape)
