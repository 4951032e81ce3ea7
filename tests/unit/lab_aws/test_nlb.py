"""What is read of the load balancer that the hub made."""

from lab.aws import nlb
from lab.aws.nlb import Target


def read(cloud):
    return nlb.read(cloud.elbv2, cloud.ec2)


def test_nothing_without_a_load_balancer(cloud):
    cloud.elbv2.delete_load_balancer(LoadBalancerArn=cloud.balancer)
    assert read(cloud) is None


def test_a_load_balancer_without_a_listener(cloud):
    cloud.make_group("orders", 3306)
    assert read(cloud) == nlb.LoadBalancer("hub", ())


def test_listeners_with_all_that_their_groups_say(cloud):
    cloud.serve(
        "orders",
        3306,
        ["10.246.42.10", "10.246.41.10"],
        {
            "target_health_state.unhealthy.connection_termination.enabled": "false",
            "target_health_state.unhealthy.draining_interval_seconds": "3600",
            "deregistration_delay.timeout_seconds": "60",
            "deregistration_delay.connection_termination.enabled": "true",
        },
    )
    balancer = read(cloud)
    assert balancer.name == "hub"
    [listener] = balancer.listeners
    assert (listener.port, listener.idle_timeout) == (3306, 350)
    group = listener.group
    assert group.name == "orders"
    assert group.targets == (Target("10.246.41.10", 3306), Target("10.246.42.10", 3306))
    assert group.health_check == nlb.HealthCheck("HTTP", 8405, "/healthz/orders", "200", 5, 2, 2, 3)
    assert (group.unhealthy_terminates, group.unhealthy_draining) == (False, 3600)
    assert (group.deregistered_terminates, group.deregistration_delay) == (True, 60)


def test_the_defaults_are_those_of_aws(cloud):
    cloud.serve("orders", 3306, HealthCheckPort="traffic-port")
    group = read(cloud).listeners[0].group
    assert (group.unhealthy_terminates, group.unhealthy_draining) == (True, 0)
    assert (group.deregistered_terminates, group.deregistration_delay) == (False, 300)
    assert group.health_check.port is None


def test_a_group_without_the_tag_has_its_own_name(cloud):
    cloud.serve("orders", 3306, tagged=False)
    assert read(cloud).listeners[0].group.name == "hub-orders-3306"


def test_an_idle_timeout_that_was_set(cloud):
    made = cloud.serve("orders", 3306)
    setting = {"Key": "tcp.idle_timeout.seconds", "Value": "600"}
    cloud.elbv2.modify_listener_attributes(ListenerArn=made.listener, Attributes=[setting])
    assert read(cloud).listeners[0].idle_timeout == 600


def test_instances_are_found_at_their_addresses(cloud):
    instance = cloud.launch("10.246.41.10")
    cloud.serve("orders", 3306, [instance], TargetType="instance")
    assert read(cloud).listeners[0].group.targets == (Target("10.246.41.10", 3306),)


def test_a_stopped_instance_is_no_target(cloud):
    instance = cloud.launch("10.246.41.10")
    cloud.serve("orders", 3306, [instance], TargetType="instance")
    cloud.ec2.stop_instances(InstanceIds=[instance])
    assert read(cloud).listeners[0].group.targets == ()


def test_a_deregistered_target_is_none(cloud):
    made = cloud.serve("orders", 3306, ["10.246.41.10", "10.246.42.10"])
    cloud.elbv2.deregister_targets(TargetGroupArn=made.group, Targets=[{"Id": "10.246.41.10"}])
    assert read(cloud).listeners[0].group.targets == (Target("10.246.42.10", 3306),)


def test_more_tags_than_one_call_may_ask_for(cloud):
    for number in range(23):
        cloud.serve(f"resource{number}", 4000 + number)
    assert [listener.group.name for listener in read(cloud).listeners] == [f"resource{n}" for n in range(23)]


def test_a_second_load_balancer_and_other_protocols_are_left_out_and_told(cloud, caplog):
    cloud.serve("orders", 3306)
    cloud.listen(53, cloud.make_group("names", 53), protocol="UDP")
    cloud.make_balancer("another")
    balancer = read(cloud)
    assert balancer.name == "hub"
    assert [listener.port for listener in balancer.listeners] == [3306]
    assert "another is left out" in caplog.text and "UDP 53 is left out" in caplog.text
