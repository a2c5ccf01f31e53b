"""An API server whose caller is killed at one of its writes."""

from __future__ import annotations

from collections.abc import Callable

from rollout_world import Killed

from mlops_spec.runtime.cluster.server import ApiServer


class Mortal(ApiServer):
    """Killed before its n-th write at an even number, after it at an odd one."""

    writes = 0
    kill_at = -1

    def _effect(self, do: Callable[[], object]) -> object:
        at = 2 * self.writes
        self.writes += 1
        if self.kill_at == at:
            raise Killed("before")
        done = do()
        if self.kill_at == at + 1:
            raise Killed("after")
        return done

    def apply(self, *arguments, **named):
        return self._effect(lambda: super(Mortal, self).apply(*arguments, **named))

    def delete(self, *arguments):
        return self._effect(lambda: super(Mortal, self).delete(*arguments))
