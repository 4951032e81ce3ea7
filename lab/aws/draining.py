"""Whose connections a network load balancer ends, and when: those of targets that are unhealthy, or gone for long."""

from .nlb import LoadBalancer, Target, TargetGroup


class Draining:
    """HAProxy ends no connection that an earlier process of it holds, so every one that is due is ended from outside."""

    def __init__(self):
        self.registered: dict[Target, TargetGroup] = {}
        self.deregistered: dict[Target, float] = {}
        self.healthy: set[Target] = set()

    def due(self, balancer: LoadBalancer | None, down: dict[Target, int], now: float) -> list[Target]:
        """The targets to cut now. `down` says for how many seconds those that are not healthy have been so."""
        before = self.registered
        listeners = balancer.listeners if balancer else ()
        self.registered = {target: listener.group for listener in listeners for target in listener.group.targets}
        due = self.due_deregistered(before, now) + self.due_unhealthy(down)
        return sorted(due, key=lambda target: (target.address, target.port))

    def due_deregistered(self, before: dict[Target, TargetGroup], now: float) -> list[Target]:
        for target, group in before.items():
            if target not in self.registered and group.deregistered_terminates:
                self.deregistered[target] = now + group.deregistration_delay
        self.deregistered = {
            target: deadline for target, deadline in self.deregistered.items() if target not in self.registered
        }
        due = [target for target, deadline in self.deregistered.items() if now >= deadline]
        for target in due:
            del self.deregistered[target]
        return due

    def due_unhealthy(self, down: dict[Target, int]) -> list[Target]:
        """Once for each time that one was healthy: what comes later came because the group fails open."""
        self.healthy &= set(self.registered)
        self.healthy |= set(self.registered) - set(down)
        due = [target for target in self.healthy if target in down and ends(self.registered[target], down[target])]
        self.healthy -= set(due)
        return due


def ends(group: TargetGroup, seconds: int) -> bool:
    """Without termination and without an interval, connections to an unhealthy target go on."""
    return group.unhealthy_terminates or 0 < group.unhealthy_draining <= seconds
