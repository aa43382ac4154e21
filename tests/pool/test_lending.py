"""Who gets which association: without any."""

from __future__ import annotations

import threading
from random import Random
from time import monotonic
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import MR, Clock, counts
from raw_peer import CT, IMPLICIT, VERIFICATION
from servers import DEADLINE, wait_until

from fastdicom.errors import HostsUnavailable, NoAcceptedContext, PoolClosed, PoolTimeout
from fastdicom.pool import BackOff, BreakerState
from fastdicom.pool.breaker import Breaker
from fastdicom.pool.hosts import Host
from fastdicom.pool.lending import Lending, Member, Opening
from fastdicom.pool.needs import Need, need_of, pairs_of

CT_NEED, MR_NEED, ANY = need_of(CT, IMPLICIT), need_of(MR, IMPLICIT), Need(())
CT_PAIRS = pairs_of(CT_NEED.proposals)


class Bench:
    """A lending office, and a clock."""

    def __init__(self, limit: int = 2, hosts: int = 1, failures: int = 1) -> None:
        self.clock = Clock()
        back_off = BackOff(failures, shortest=5, longest=5, jitter=0)
        self.hosts = [Host((f"host{n}", 104), Breaker(back_off, Random())) for n in range(hosts)]
        self.lending = Lending(self.hosts, limit, self.clock, "the destination")

    def ask(self, need: Need = ANY, wait: float | None = 0) -> Member | Opening:
        return self.lending.request(need, None if wait is None else self.clock() + wait)

    def member(self, opening: Opening, accepted: frozenset[Any], proposed: frozenset[Any]) -> Member:
        return Member(object(), opening.host, proposed, accepted, self.clock())  # type: ignore[arg-type]

    def opened(
        self,
        need: Need = ANY,
        accepted: frozenset[Any] | None = None,
        proposed: frozenset[Any] = frozenset(),
        instead: Member | None = None,
    ) -> Member:
        """Have one opened that accepts what is needed, or these."""
        opening = self.ask(need)
        assert isinstance(opening, Opening)
        assert opening.instead is instead
        accepted = pairs_of(need.proposals) if accepted is None else accepted
        member = self.member(opening, accepted, proposed or accepted)
        assert self.lending.add(opening, member)
        return member


def test_one_that_fits_is_lent_again() -> None:
    bench = Bench()
    member = bench.opened(CT_NEED)
    assert counts(bench.lending) == (1, 1, 0)
    bench.lending.give_back(member)
    assert counts(bench.lending) == (1, 0, 1)
    assert bench.ask(CT_NEED) is member
    bench.lending.give_back(member)
    assert bench.ask(ANY) is member


def test_the_one_used_last_is_lent_first_so_that_the_others_can_be_closed() -> None:
    bench = Bench(limit=3)
    first, second = bench.opened(CT_NEED), bench.opened(CT_NEED)
    bench.lending.give_back(first)
    bench.lending.give_back(second)
    assert bench.ask(CT_NEED) is second


def test_the_host_with_less_to_do_comes_first() -> None:
    bench = Bench(limit=4, hosts=2)
    members = [bench.opened(CT_NEED) for _ in range(4)]
    assert [member.host.address[0] for member in members] == ["host0", "host1", "host0", "host1"]
    for member in (members[0], members[1], members[3]):
        bench.lending.give_back(member)
    busy, idle = bench.hosts
    assert (busy.lent, idle.lent) == (1, 0)
    lent = bench.ask(CT_NEED)
    assert isinstance(lent, Member) and lent.host is idle


def test_another_is_opened_for_another_need_and_at_the_limit_in_the_place_of_an_idle_one() -> None:
    bench = Bench(limit=2)
    ct = bench.opened(CT_NEED)
    mr = bench.opened(MR_NEED)
    assert counts(bench.lending) == (2, 2, 0)
    with pytest.raises(PoolTimeout, match=r"2 are lent, and 2 may be open"):
        bench.ask(CT_NEED)
    bench.lending.give_back(mr)
    bench.opened(CT_NEED, instead=mr)
    assert counts(bench.lending) == (2, 2, 0)
    assert bench.hosts[0].open == 2
    bench.lending.forget(ct)
    assert counts(bench.lending) == (1, 1, 0)


def test_what_the_peer_has_refused_is_not_asked_for_again() -> None:
    bench = Bench()
    member = bench.opened(CT_NEED, accepted=frozenset({(VERIFICATION, IMPLICIT)}), proposed=CT_PAIRS)
    with pytest.raises(NoAcceptedContext, match="CT Image Storage"):
        bench.ask(CT_NEED)
    bench.lending.give_back(member)
    with pytest.raises(NoAcceptedContext):
        bench.ask(CT_NEED)
    assert bench.ask(ANY) is member
    bench.lending.forget(member)
    assert isinstance(bench.ask(CT_NEED), Opening)


def test_a_host_that_fails_and_another_one() -> None:
    bench = Bench(hosts=2)
    opening = bench.ask()
    assert isinstance(opening, Opening)
    first, second = bench.hosts
    assert bench.lending.fail(opening, is_full=False)
    assert (opening.host, first.failed, first.opening, second.opening) == (second, 1, 0, 1)
    assert not bench.lending.fail(opening, is_full=False)
    with pytest.raises(HostsUnavailable, match=r"tried again in 5.0 s") as error:
        bench.ask()
    assert error.value.retry_after == 5
    bench.clock.advance(5)
    assert isinstance(bench.ask(), Opening)
    assert isinstance(bench.ask(), Opening)
    with pytest.raises(PoolTimeout):  # both are being tried
        bench.ask()


def test_one_that_takes_no_more_than_it_has_is_not_broken() -> None:
    bench = Bench(limit=4)
    member = bench.opened(CT_NEED)
    opening = bench.ask(CT_NEED)
    assert isinstance(opening, Opening)
    assert not bench.lending.fail(opening, is_full=True)
    assert bench.lending.statistics().hosts[0].state is BreakerState.CLOSED
    with pytest.raises(PoolTimeout):
        bench.ask(CT_NEED)
    bench.lending.give_back(member)
    assert bench.ask(CT_NEED) is member


def test_one_that_takes_none_at_all_is_broken() -> None:
    bench = Bench()
    opening = bench.ask()
    assert isinstance(opening, Opening)
    assert not bench.lending.fail(opening, is_full=True)
    assert bench.lending.statistics().hosts[0].state is BreakerState.OPEN


def test_broken_while_lent() -> None:
    bench = Bench(failures=2)
    for expected in (BreakerState.CLOSED, BreakerState.OPEN):
        member = bench.opened()
        bench.lending.blame(member.host)
        bench.lending.forget(member)
        assert bench.lending.statistics().hosts[0].state is expected
    bench.clock.advance(5)
    member = bench.opened()
    bench.lending.succeed(member.host)
    assert bench.lending.statistics().hosts[0].state is BreakerState.CLOSED


def test_once_one_is_accepted_others_may_be_opened() -> None:
    bench = Bench(limit=3)
    bench.lending.blame(bench.hosts[0])
    bench.clock.advance(5)
    for _ in range(2):
        bench.opened()
    assert bench.lending.statistics().hosts[0].state is BreakerState.CLOSED
    bench.lending.blame(bench.hosts[0])
    assert bench.lending.statistics().hosts[0].state is BreakerState.OPEN


def test_who_waits_may_try_a_broken_host_once_that_is_due() -> None:
    """Nothing happens meanwhile but that time passes."""
    host = Host(("host", 104), Breaker(BackOff(1, shortest=0.02, longest=0.02, jitter=0), Random()))
    lending = Lending([host], 2, monotonic, "the destination")
    opening = lending.request(ANY, None)
    assert isinstance(opening, Opening)
    lending.add(opening, Member(object(), host, CT_PAIRS, CT_PAIRS, 0.0))  # type: ignore[arg-type]
    lending.blame(host)
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.append(lending.request(MR_NEED, None)), daemon=True)
    thread.start()
    thread.join(DEADLINE)
    assert [type(each) for each in got] == [Opening]


def test_an_opening_that_is_given_up_says_nothing_of_the_host() -> None:
    bench = Bench(limit=1)
    for _ in range(3):
        opening = bench.ask()
        assert isinstance(opening, Opening)
        bench.lending.give_up(opening)
    statistics = bench.lending.statistics()
    assert (statistics.opening, statistics.failed, statistics.hosts[0].state) == (0, 0, BreakerState.CLOSED)


def in_thread(bench: Bench, got: list[Any], name: str, need: Need = ANY) -> threading.Thread:
    """Ask in a thread, which is seen to wait."""
    waiting = bench.lending.statistics().waiting

    def ask() -> None:
        try:
            got.append((name, bench.ask(need, DEADLINE)))
        except Exception as error:
            got.append((name, error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    wait_until(lambda: bench.lending.statistics().waiting == waiting + 1)
    return thread


def test_who_asks_first_is_served_first() -> None:
    bench = Bench(limit=1)
    member = bench.opened(CT_NEED)
    got: list[Any] = []
    threads = [in_thread(bench, got, str(number), CT_NEED) for number in range(4)]
    for number in range(4):
        bench.lending.give_back(member)
        wait_until(lambda: len(got) == number + 1)  # noqa: B023
    for thread in threads:
        thread.join(DEADLINE)
    assert got == [(str(number), member) for number in range(4)]


def test_who_is_first_may_open_another_in_the_place_of_what_is_given_back() -> None:
    """One that needs something else is not passed by."""
    bench = Bench(limit=1)
    member = bench.opened(CT_NEED)
    got: list[Any] = []
    threads = [in_thread(bench, got, "MR", MR_NEED), in_thread(bench, got, "CT", CT_NEED)]
    bench.lending.give_back(member)
    wait_until(lambda: got)
    name, opening = got[0]
    assert (name, opening.instead) == ("MR", member)
    bench.lending.add(opening, bench.member(opening, CT_PAIRS, CT_PAIRS))
    bench.lending.give_back(*bench.lending._lent)
    for thread in threads:
        thread.join(DEADLINE)
    assert [name for name, _ in got] == ["MR", "CT"]


def test_the_end_is_told_to_all_who_wait() -> None:
    bench = Bench(limit=1)
    member = bench.opened()
    got: list[Any] = []
    threads = [in_thread(bench, got, str(number)) for number in range(3)]
    assert bench.lending.close(None) == ([], [member])
    for thread in threads:
        thread.join(DEADLINE)
    assert {type(error) for _, error in got} == {PoolClosed}
    assert not bench.lending.give_back(member)
    bench.lending.forget(member)
    with pytest.raises(PoolClosed):
        bench.ask()
    assert counts(bench.lending) == (0, 0, 0)


def test_what_was_being_opened_at_the_end_is_not_lent() -> None:
    bench = Bench()
    opening = bench.ask()
    assert isinstance(opening, Opening)
    bench.lending.close(None)
    assert not bench.lending.add(opening, bench.member(opening, CT_PAIRS, CT_PAIRS))
    assert counts(bench.lending) == (0, 0, 0)


def test_idle_ones_are_taken_out() -> None:
    bench = Bench(limit=3)
    members = [bench.opened() for _ in range(3)]
    assert bench.lending.idle_since() is None
    for member in members:
        bench.clock.advance(1)
        bench.lending.give_back(member)
    now = bench.clock()
    assert bench.lending.idle_since() == now - 2
    taken = bench.lending.take_idle(lambda member: now - member.idle_since >= 1)
    assert taken == members[:2]
    assert counts(bench.lending) == (1, 0, 1)


ACTIONS = st.tuples(st.sampled_from(["ask", "fail", "give_back", "break", "full", "tick"]), st.integers(0, 7))


@settings(max_examples=60)
@given(st.integers(1, 4), st.integers(1, 3), st.lists(ACTIONS, max_size=40))
def test_what_is_counted_is_so(limit: int, hosts: int, actions: list[tuple[str, int]]) -> None:
    """Whatever happens: never more than may be, the sums are right, and nothing is lent twice."""
    bench = Bench(limit, hosts, failures=2)
    lent: list[Member] = []
    needs = [CT_NEED, MR_NEED, ANY]
    for action, number in actions:
        if action in ("ask", "fail", "full"):
            try:
                got = bench.ask(needs[number % 3])
            except (PoolTimeout, HostsUnavailable):
                continue
            while isinstance(got, Opening) and action != "ask":
                if not bench.lending.fail(got, is_full=action == "full"):
                    break
            else:
                if isinstance(got, Opening):
                    pairs = pairs_of(needs[number % 3].proposals)
                    opening, got = got, bench.member(got, pairs, pairs)
                    bench.lending.add(opening, got)
                assert got not in lent
                lent.append(got)
        elif action == "tick":
            bench.clock.advance(number)
        elif lent:
            member = lent.pop(number % len(lent))
            if action == "break":
                bench.lending.blame(member.host)
                bench.lending.forget(member)
            else:
                bench.lending.give_back(member)
        statistics = bench.lending.statistics()
        assert statistics.lent == len(lent)
        assert statistics.open == statistics.lent + statistics.idle <= limit
        assert (statistics.opening, statistics.waiting) == (0, 0)
        assert sum(host.open for host in statistics.hosts) == statistics.open
        assert sum(host.lent for host in statistics.hosts) == statistics.lent
