"""At most one live egress, and never stuck: whatever is lost, late, busy, killed, told to stop or deleted, and when."""

from __future__ import annotations

from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from roomkeeper.domain import attempts
from roomkeeper.domain.recordings import AMBIGUOUS_SECONDS
from tests.unit.domain.recording_model import LATEST, PAUSE, Faults
from tests.unit.domain.recording_theatre import LONG_ENOUGH, Theatre

STARTS = st.sampled_from([*["ok"] * 4, *["lost", "late", "busy", "failing"] * 2, "refused", "forbidden"])
SELDOM = st.integers(0, 5).map(lambda number: number == 0)
FUSES = st.none() | st.integers(0, 14)


class AnyStory(RuleBasedStateMachine):
    """Whatever happens, in any order; and then everything works again, and the Recording has to get somewhere."""

    @initialize(
        start=st.sampled_from(["WhenRoomActive", "Immediately"]),
        backoff=st.integers(0, 3),
        empty=st.sampled_from([0, 0, 30]),
        deadline=st.sampled_from([None, None, 120]),
        comes_back=st.booleans(),
    )
    def declared(
        self, start: str, backoff: int, empty: int, deadline: int | None, *, comes_back: bool
    ) -> None:
        self.all = Theatre(
            start=start,
            backoffLimit=backoff,
            stopWhenEmptySeconds=empty,
            activeDeadlineSeconds=deadline,
        )
        self.all.livekit.joins()
        self.comes_back = comes_back
        self.is_stopped = False

    @rule(
        start=STARTS,
        late=st.floats(0, LATEST),
        fuse=FUSES,
        pause=st.sampled_from([0.0, PAUSE]),
        told=st.booleans(),
    )
    def reconciles(self, start: str, late: float, fuse: int | None, pause: float, *, told: bool) -> None:
        faults = self.all.livekit.faults
        faults.start, faults.late, faults.stop_says_active = start, late, told
        self.all.operator.fuse, self.all.operator.pause = fuse, pause
        self.all.reconcile()

    @rule(seconds=st.sampled_from([1, 2, 5, 30, 61, AMBIGUOUS_SECONDS, 300]))
    def time_passes(self, seconds: float) -> None:
        self.all.livekit.moves(seconds)

    @rule(seconds=st.sampled_from([1, 5, 61, 200]), fuse=FUSES, start=STARTS)
    def time_passes_for_all(self, seconds: float, fuse: int | None, start: str) -> None:
        self.all.livekit.faults.start, self.all.operator.fuse = start, fuse
        self.all.passes(seconds)

    @rule()
    def somebody_joins(self) -> None:
        self.all.livekit.joins()

    @rule()
    def everybody_leaves(self) -> None:
        self.all.livekit.people = ()

    @rule()
    def the_room_closes(self) -> None:
        self.all.livekit.closes()

    @precondition(lambda self: self.all.livekit.running())
    @rule()
    def the_worker_is_killed(self) -> None:
        self.all.livekit.dies()

    @precondition(lambda self: self.all.livekit.running())
    @rule()
    def the_worker_gives_up(self) -> None:
        self.all.livekit.fails()

    @rule(is_down=st.booleans())
    def livekit_goes_and_comes(self, *, is_down: bool) -> None:
        self.all.livekit.faults.is_down = is_down

    @rule(is_so=SELDOM, git_takes_it_back=st.booleans())
    def somebody_stops_it(self, *, is_so: bool, git_takes_it_back: bool) -> None:
        if not is_so:
            return
        self.all.operator.fuse = None
        self.all.kubectl(desiredState="Stopped")
        self.is_stopped |= not self.all.livekit.faults.is_down  # else nobody may have heard of it
        if git_takes_it_back:
            self.all.kubectl(desiredState=None)

    @rule(is_so=SELDOM)
    def it_is_deleted(self, *, is_so: bool) -> None:
        if is_so:
            self.all.delete()

    @invariant()
    def there_is_one_live_egress_at_most(self) -> None:
        if hasattr(self, "all"):
            self.all.check()

    def teardown(self) -> None:
        """Let everything work again."""
        if not hasattr(self, "all"):
            return
        everything = self.all
        note(f"{everything.history} {everything.stored}")
        was_down = bool(everything.stored.orphans)
        everything.livekit.faults = Faults()
        everything.operator.fuse, everything.operator.pause = None, 0.0
        if self.comes_back:
            everything.livekit.joins()
        else:
            everything.livekit.closes()
        everything.reconcile()
        everything.passes(LONG_ENOUGH)
        if everything.stored.is_there and not everything.is_over:
            assert everything.stored.deleted_at is None, "it cannot be deleted"
            assert not self.is_stopped, "it was not stopped"
            assert everything.stored.state == ("Active" if self.comes_back else "Armed")
            assert len(everything.livekit.running()) == self.comes_back
        everything.delete()
        everything.passes(200)
        assert not everything.stored.is_there
        assert not everything.livekit.running()
        assert not everything.stored.orphans or was_down, "LiveKit was told, and it is said to be left"


AnyStory.TestCase.settings = settings(max_examples=300, stateful_step_count=25, deadline=None)
TestAnyStory = AnyStory.TestCase


@given(data=st.data(), start=STARTS.filter(lambda how: how not in {"refused", "failing"}))
@settings(max_examples=60, deadline=None)
def test_killed_at_any_effect_it_records_once(data: st.DataObject, start: str) -> None:
    """Kill it at each effect in turn, one after the other, until it runs."""
    everything = Theatre()
    everything.livekit.joins()
    everything.livekit.faults = Faults(start, late=data.draw(st.floats(0, LATEST)))
    for fuse in data.draw(st.lists(st.integers(0, 12), max_size=6)):
        everything.operator.fuse = fuse
        everything.reconcile()
        everything.passes(data.draw(st.sampled_from([1.0, 10.0, 50.0, 90.0])))
    everything.livekit.faults = Faults()
    everything.passes(3 * AMBIGUOUS_SECONDS)
    assert everything.stored.state == "Active"
    assert len(attempts.read(everything.stored.status)) == 1
    assert len(everything.livekit.jobs) == everything.livekit.starts == 1
