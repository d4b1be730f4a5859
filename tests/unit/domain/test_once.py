from __future__ import annotations

from dataclasses import replace

from roomkeeper.domain.once import once
from tests.unit.domain.builders import a_world


def test_a_question_is_worked_out_once_for_a_world_and_anew_for_each_other() -> None:
    asked = []

    @once
    def question(world: object) -> int:
        asked.append(world)
        return len(asked)

    world = a_world().build()
    other = replace(world, orphan="another")
    assert (question(world), question(world), question(other), question(world)) == (1, 1, 2, 1)


def test_what_was_asked_of_a_world_does_not_make_it_another() -> None:
    world = a_world().build()
    same = replace(world)
    once(id)(world)
    assert world == same
    assert world.answers != same.answers
