"""Ranks as threads of one process, which talk as those of MPI do; what they send is counted.

The calls are those of mpi4py that the package uses, with its names. Tests of scripts run the same code by MPI.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from queue import Queue

import numpy as np


class World:
    """What ranks have in common."""

    def __init__(self, size):
        self.size, self.barrier, self.board = size, threading.Barrier(size, timeout=120), [None] * size
        self.mail, self.lock, self.sent = {}, threading.Lock(), [0] * size

    def box(self, *key):
        with self.lock:
            return self.mail.setdefault(key, Queue())


class Done:
    def Wait(self):
        return None

    def Test(self):
        return True


class Rank:
    """One of ``world.size`` ranks. ``world.sent`` counts bytes that went to others."""

    def __init__(self, world, rank):
        self.world, self.rank, self.size = world, rank, world.size

    def _all(self, value):
        self.world.board[self.rank] = value
        self.world.barrier.wait()
        values = list(self.world.board)
        self.world.barrier.wait()
        return values

    def _count(self, size):
        self.world.sent[self.rank] += int(size)

    def allgather(self, value):
        values = self._all(value)
        self._count(np.asarray(value).nbytes * (self.size - 1) if isinstance(value, np.ndarray) else 0)
        return [np.copy(each) if isinstance(each, np.ndarray) else each for each in values]

    def alltoall(self, values):
        return [np.copy(theirs[self.rank]) for theirs in self._all(values)]

    def bcast(self, value, root=0):
        return self._all(value)[root]

    def allreduce(self, value, op=sum):
        return op(self._all(value)) if op is not sum else sum(self._all(value))

    def Allreduce(self, sent, received):
        parts = self._all(np.copy(sent))
        self._count(sent.nbytes)
        received[...] = sum(parts[1:], parts[0])

    def Alltoall(self, sent, received):
        parts = self._all(sent.reshape(self.size, -1))
        received.reshape(self.size, -1)[...] = [part[self.rank] for part in parts]
        self._count(sent.nbytes * (self.size - 1) // self.size)
        self.world.barrier.wait()

    def Alltoallv(self, sent, received):
        (values, counts), (out, numbers) = sent, received
        ends = np.cumsum(counts)
        flat = values.reshape(-1)
        parts = self._all([flat[end - count : end] for end, count in zip(ends, counts, strict=True)])
        mine = [part[self.rank] for part in parts]
        assert [len(each) for each in mine] == [int(number) for number in numbers]
        assert len(mine) == self.size
        out.reshape(-1)[...] = np.concatenate(mine)
        self._count(sum(part.nbytes for rank, part in enumerate(parts[self.rank]) if rank != self.rank))
        self.world.barrier.wait()

    def Send(self, values, rank, tag=0):
        self._count(values.nbytes * (rank != self.rank))
        self.world.box(self.rank, rank, tag).put(np.copy(values))

    def Isend(self, values, rank, tag=0):
        self.Send(values, rank, tag)
        return Done()

    def Recv(self, values, rank, tag=0):
        values[...] = self.world.box(int(rank), self.rank, tag).get(timeout=120)

    def Sendrecv(self, values, to, sendtag, received, source, recvtag):
        self.Send(values, to, sendtag)
        self.Recv(received, source, recvtag)

    def Ibarrier(self):
        self.world.barrier.wait()
        return Done()


def on_ranks(size, work):
    """What ``work(communicator)`` returns on each rank, and bytes that every rank has sent to others."""
    world = World(size)

    def run(rank):
        try:
            return work(Rank(world, rank) if size > 1 else None)
        except BaseException:
            world.barrier.abort()
            raise

    with ThreadPoolExecutor(size) as pool:
        futures = [pool.submit(run, rank) for rank in range(size)]
        errors = [future.exception() for future in futures]
    # What broke the others' barriers, not that they broke.
    for error in sorted(filter(None, errors), key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        raise error
    return [future.result() for future in futures], world.sent
