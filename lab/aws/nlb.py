"""Reads what a network load balancer is to do, by the calls that anybody could make to AWS."""

import logging
from dataclasses import dataclass

from .machines import every_instance

log = logging.getLogger(__name__)

TAGS_AT_ONCE = 20  # DescribeTags takes no more


@dataclass(frozen=True)
class HealthCheck:
    protocol: str
    port: int | None  # None: the port that the target has
    path: str
    codes: str
    interval: int
    timeout: int
    healthy: int
    unhealthy: int


@dataclass(frozen=True)
class Target:
    address: str
    port: int


@dataclass(frozen=True)
class TargetGroup:
    name: str
    health_check: HealthCheck
    targets: tuple[Target, ...]
    # What becomes of a target's connections when it gets unhealthy, and when it is deregistered.
    unhealthy_terminates: bool
    unhealthy_draining: int
    deregistered_terminates: bool
    deregistration_delay: int


@dataclass(frozen=True)
class Listener:
    port: int
    group: TargetGroup
    idle_timeout: int


@dataclass(frozen=True)
class LoadBalancer:
    name: str
    listeners: tuple[Listener, ...]


def read(elbv2, ec2) -> LoadBalancer | None:
    """The first network load balancer of this account and region, as the lab has one machine for it."""
    pages = elbv2.get_paginator("describe_load_balancers").paginate()
    found = [balancer for page in pages for balancer in page["LoadBalancers"] if balancer["Type"] == "network"]
    if not found:
        return None
    balancer, *others = sorted(found, key=lambda balancer: (balancer["CreatedTime"], balancer["LoadBalancerName"]))
    for other in others:
        log.warning("load balancer %s is left out: the lab has a machine for one only", other["LoadBalancerName"])
    # Cross-zone balancing and client addresses are not looked at: the lab's load balancer has one address in one zone,
    # and HAProxy always connects from it.
    return LoadBalancer(balancer["LoadBalancerName"], read_listeners(elbv2, ec2, balancer["LoadBalancerArn"]))


def read_listeners(elbv2, ec2, balancer_arn) -> tuple[Listener, ...]:
    pages = elbv2.get_paginator("describe_listeners").paginate(LoadBalancerArn=balancer_arn)
    listeners = [listener for page in pages for listener in page["Listeners"]]
    for listener in listeners:
        if listener["Protocol"] != "TCP":
            log.warning("listener %s %s is left out: only TCP", listener["Protocol"], listener["Port"])
    listeners = [listener for listener in listeners if listener["Protocol"] == "TCP"]
    groups = read_groups(elbv2, ec2, balancer_arn, {target_group_of(listener) for listener in listeners})
    return tuple(
        Listener(
            port=listener["Port"],
            group=groups[target_group_of(listener)],
            idle_timeout=int(
                attributes(elbv2.describe_listener_attributes(ListenerArn=listener["ListenerArn"])).get(
                    "tcp.idle_timeout.seconds", 350
                )
            ),
        )
        for listener in sorted(listeners, key=lambda listener: listener["Port"])
    )


def target_group_of(listener) -> str:
    action = listener["DefaultActions"][0]
    return action.get("TargetGroupArn") or action["ForwardConfig"]["TargetGroups"][0]["TargetGroupArn"]


def read_groups(elbv2, ec2, balancer_arn, arns) -> dict[str, TargetGroup]:
    pages = elbv2.get_paginator("describe_target_groups").paginate(LoadBalancerArn=balancer_arn)
    groups = [group for page in pages for group in page["TargetGroups"] if group["TargetGroupArn"] in arns]
    names = read_names(elbv2, groups)
    addresses = read_addresses(ec2) if any(group["TargetType"] == "instance" for group in groups) else {}
    return {group["TargetGroupArn"]: read_group(elbv2, group, names, addresses) for group in groups}


def read_names(elbv2, groups) -> dict[str, str]:
    """A target group is called after its resource, where a tag tells it."""
    names = {group["TargetGroupArn"]: group["TargetGroupName"] for group in groups}
    arns = list(names)
    for start in range(0, len(arns), TAGS_AT_ONCE):
        for described in elbv2.describe_tags(ResourceArns=arns[start : start + TAGS_AT_ONCE])["TagDescriptions"]:
            tags = {tag["Key"]: tag["Value"] for tag in described["Tags"]}
            names[described["ResourceArn"]] = tags.get("Resource") or names[described["ResourceArn"]]
    return names


def read_addresses(ec2) -> dict[str, str]:
    return {
        item["InstanceId"]: item["PrivateIpAddress"] for item in every_instance(ec2) if item.get("PrivateIpAddress")
    }


def read_group(elbv2, group, names, addresses) -> TargetGroup:
    arn = group["TargetGroupArn"]
    settings = attributes(elbv2.describe_target_group_attributes(TargetGroupArn=arn))
    health = elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    targets = [
        Target(addresses.get(item["Target"]["Id"], item["Target"]["Id"]), int(item["Target"]["Port"]))
        for item in health
        if item["TargetHealth"]["State"] not in ("draining", "unused")
    ]
    check_port = group["HealthCheckPort"]
    return TargetGroup(
        name=names[arn],
        health_check=HealthCheck(
            protocol=group["HealthCheckProtocol"],
            port=None if check_port == "traffic-port" else int(check_port),
            path=group.get("HealthCheckPath") or "/",
            codes=group.get("Matcher", {}).get("HttpCode") or "200-399",
            interval=group["HealthCheckIntervalSeconds"],
            timeout=group["HealthCheckTimeoutSeconds"],
            healthy=group["HealthyThresholdCount"],
            unhealthy=group["UnhealthyThresholdCount"],
        ),
        targets=tuple(sorted(targets, key=lambda target: (target.address, target.port))),
        # The defaults are AWS's; moto knows an attribute only once it was set.
        unhealthy_terminates=is_on(
            settings.get("target_health_state.unhealthy.connection_termination.enabled", "true")
        ),
        unhealthy_draining=int(settings.get("target_health_state.unhealthy.draining_interval_seconds", 0)),
        deregistered_terminates=is_on(settings.get("deregistration_delay.connection_termination.enabled", "false")),
        deregistration_delay=int(settings.get("deregistration_delay.timeout_seconds", 300)),
    )


def attributes(answer) -> dict[str, str]:
    return {attribute["Key"]: attribute["Value"] for attribute in answer["Attributes"]}


def is_on(value) -> bool:
    return str(value).lower() == "true"
