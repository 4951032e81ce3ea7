"""Whose connections are ended, and when."""

from dataclasses import replace

from lab.aws.draining import Draining
from lab.aws.nlb import HealthCheck, Listener, LoadBalancer, Target, TargetGroup

A, B = Target("10.246.41.10", 3306), Target("10.246.42.10", 3306)
GROUP = TargetGroup(
    name="orders",
    health_check=HealthCheck("HTTP", 8405, "/", "200", 5, 2, 2, 2),
    targets=(A, B),
    unhealthy_terminates=False,
    unhealthy_draining=60,
    deregistered_terminates=True,
    deregistration_delay=300,
)


def balancer(**settings):
    return LoadBalancer("hub", (Listener(3306, replace(GROUP, **settings), 350),))


def test_an_unhealthy_target_keeps_its_connections_for_the_interval():
    draining = Draining()
    assert draining.due(balancer(), {}, 0) == []
    assert draining.due(balancer(), {A: 59}, 59) == []
    assert draining.due(balancer(), {A: 60}, 60) == [A]
    assert draining.due(balancer(), {A: 61}, 61) == [], "what came later came by failing open"


def test_each_illness_counts():
    draining = Draining()
    draining.due(balancer(), {}, 0)
    assert draining.due(balancer(), {A: 60}, 60) == [A]
    assert draining.due(balancer(), {}, 70) == []
    assert draining.due(balancer(), {A: 60}, 140) == [A]


def test_without_an_interval_they_go_on():
    draining = Draining()
    draining.due(balancer(unhealthy_draining=0), {}, 0)
    assert draining.due(balancer(unhealthy_draining=0), {A: 100000}, 1) == []


def test_with_termination_they_end_at_once():
    draining = Draining()
    draining.due(balancer(unhealthy_terminates=True), {}, 0)
    assert draining.due(balancer(unhealthy_terminates=True), {A: 0}, 1) == [A]


def test_a_target_that_was_never_healthy_is_not_cut():
    draining = Draining()
    terminating = balancer(unhealthy_terminates=True)
    assert draining.due(terminating, {A: 0, B: 0}, 0) == []
    assert draining.due(terminating, {A: 100, B: 100}, 100) == []


def test_a_deregistered_target_is_cut_after_the_delay_and_once():
    draining = Draining()
    draining.due(balancer(), {}, 0)
    assert draining.due(balancer(targets=(A,)), {}, 10) == []
    assert draining.due(balancer(targets=(A,)), {}, 309) == []
    assert draining.due(balancer(targets=(A,)), {}, 310) == [B]
    assert draining.due(balancer(targets=(A,)), {}, 311) == []


def test_a_target_that_came_back_is_not_cut():
    draining = Draining()
    draining.due(balancer(), {}, 0)
    draining.due(balancer(targets=(A,)), {}, 10)
    draining.due(balancer(), {}, 20)
    assert draining.due(balancer(), {}, 1000) == []


def test_without_termination_a_deregistered_target_keeps_its_connections():
    draining = Draining()
    draining.due(balancer(deregistered_terminates=False), {}, 0)
    draining.due(None, {}, 10)
    assert draining.due(None, {}, 1000) == []
