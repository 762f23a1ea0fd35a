"""Work in threads, and beside other work."""

from contextvars import ContextVar
from threading import Event, get_ident

import pytest

from halonet.grid.threads import beside, in_threads

NAME = ContextVar("name", default="none")


def test_work_beside_a_block_runs_while_the_block_does_and_sees_its_context():
    NAME.set("box")
    met = Event()

    def work(stop):
        met.set()
        return NAME.get(), get_ident()

    with beside(work, 2) as result:
        assert met.wait(10)  # before anybody has asked for the result
        assert result()[0] == "box"
        assert result()[1] != get_ident()


def test_with_one_thread_work_is_done_when_it_is_asked_for():
    with beside(lambda stop: get_ident(), 1) as result:
        assert result() == get_ident()


def test_what_went_wrong_beside_a_block_is_raised_where_the_result_is_asked_for():
    def work(stop):
        raise ValueError("no room")

    with pytest.raises(ValueError, match="no room"), beside(work, 2) as result:
        result()


def test_work_is_told_to_stop_where_the_block_ends_by_an_error_and_is_waited_for():
    ended = []

    def work(stop):
        ended.append(stop.wait(10))

    with pytest.raises(KeyboardInterrupt), beside(work, 2):
        raise KeyboardInterrupt
    assert ended == [True]


@pytest.mark.parametrize("threads", [1, 3])
def test_the_first_part_that_fails_says_why(threads):
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda part: 1 / part, [1, 0, 2], threads)
