"""Private endpoint rules, each with the VPC endpoint that Databricks makes for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..endpoints import NotAllowed
from ..errors import invalid, invalid_state, limit_reached, missing
from .common import new_id, now

ENDPOINT_SERVICE = re.compile(r"com\.amazonaws\.vpce\.(?P<region>[a-z0-9-]+)\.vpce-svc-[0-9a-f]+")
LABEL = r"(?!-)[a-zA-Z0-9_-]{1,63}(?<!-)"
FQDN = re.compile(rf"(?=.{{1,253}}$)({LABEL}\.)+(?=[^.]*[a-zA-Z]){LABEL}")
MOST_PER_REGION = 30  # over all NCCs
MOST_DOMAIN_NAMES = 10
# Documented: PENDING and EXPIRED go at once, ESTABLISHED, REJECTED and DISCONNECTED stay for days. That those without a
# VPC endpoint go at once is unconfirmed.
GONE_AT_ONCE = {"PENDING", "EXPIRED", "CREATING", "CREATE_FAILED"}
FINAL = {"CREATE_FAILED", "EXPIRED", "DISCONNECTED"}


@dataclass
class Rule:
    id: str
    ncc_id: str
    region: str
    """The NCC's."""
    endpoint_service: str
    domain_names: list[str]
    creation_time: int
    updated_time: int
    state: str = "CREATING"
    looks: int = 0
    vpc_endpoint_id: str | None = None
    error_message: str | None = None
    deactivated_at: int | None = None

    @property
    def deactivated(self) -> bool:
        return self.deactivated_at is not None


class Rules:
    def __init__(self, endpoints, looks_until_pending: int):
        self.endpoints, self.looks_until_pending = endpoints, looks_until_pending
        self.by_id: dict[str, Rule] = {}
        self.fates: dict[str, tuple[str, str | None]] = {}

    def set_fate(self, endpoint_service: str, state: str, error_message: str | None = None):
        """Let the rules of an endpoint service become CREATE_FAILED or EXPIRED instead of PENDING."""
        if state not in ("CREATE_FAILED", "EXPIRED"):
            raise ValueError(f"{state} is no such fate")
        self.fates[endpoint_service] = (state, error_message)

    def create(self, ncc, endpoint_service: str, domain_names: list[str]) -> Rule:
        """Make one more, also where another is the same. A service of another region is found out later."""
        if not ENDPOINT_SERVICE.fullmatch(endpoint_service):
            raise invalid(f"'{endpoint_service}' is no endpoint service: com.amazonaws.vpce.<region>.vpce-svc-<id>.")
        check_domain_names(domain_names)
        there = [rule for rule in self.by_id.values() if rule.region == ncc.region and not rule.deactivated]
        if len(there) >= MOST_PER_REGION:
            raise limit_reached(
                f"The account has reached the limit of {MOST_PER_REGION} private endpoints in {ncc.region}."
            )
        time = now()
        rule = Rule(new_id(), ncc.id, ncc.region, endpoint_service, list(domain_names), time, time)
        self.by_id[rule.id] = rule
        return rule

    def of(self, ncc_id: str) -> list[Rule]:
        return [rule for rule in self.by_id.values() if rule.ncc_id == ncc_id]

    def get(self, ncc_id: str, rule_id: str) -> Rule:
        rule = self.by_id.get(rule_id)
        if rule is None or rule.ncc_id != ncc_id:
            raise missing(f"Private endpoint rule {rule_id} does not exist.")
        return rule

    def look(self, rule: Rule):
        """Somebody reads the rule: Databricks' work goes on, and what the service's owner decided is seen."""
        rule.looks += 1
        if rule.state == "CREATING" and rule.looks >= self.looks_until_pending:
            self._make_endpoint(rule)
        else:
            self.follow(rule)

    def _make_endpoint(self, rule: Rule):
        fate, message = self.fates.get(rule.endpoint_service, (None, None))
        region = ENDPOINT_SERVICE.fullmatch(rule.endpoint_service)["region"]
        try:
            if region != rule.region:
                raise NotAllowed(
                    f"The endpoint service is in {region}, and the network connectivity config in {rule.region}"
                )
            if fate == "CREATE_FAILED":
                raise NotAllowed(message or "The endpoint could not be created")
            rule.vpc_endpoint_id = self.endpoints.create(rule.endpoint_service)
            self._change(rule, "PENDING")
        except NotAllowed as problem:
            rule.error_message = str(problem)
            self._change(rule, "CREATE_FAILED")
        if fate == "EXPIRED":
            self.expire(rule.id)

    def follow(self, rule: Rule):
        """Take over the state of the rule's VPC endpoint."""
        if rule.vpc_endpoint_id is None or rule.state in FINAL:
            return
        state = self.endpoints.state(rule.vpc_endpoint_id)
        if state == "available":
            self._change(rule, "ESTABLISHED")
        elif state in ("rejected", "deleted"):
            self._change(rule, "DISCONNECTED" if rule.state == "ESTABLISHED" else "REJECTED")

    def expire(self, rule_id: str):
        """What Databricks does after 14 days without an acceptance."""
        rule = self.by_id[rule_id]
        if rule.state != "PENDING":
            raise ValueError(f"the rule is {rule.state}, and only one that is PENDING expires")
        self.endpoints.delete(rule.vpc_endpoint_id)
        self._change(rule, "EXPIRED")

    def set_domain_names(self, rule: Rule, domain_names: list[str]):
        if rule.deactivated:
            raise invalid_state(f"Private endpoint rule {rule.id} is deactivated.")
        check_domain_names(domain_names)
        self.follow(rule)
        rule.domain_names, rule.updated_time = list(domain_names), now()

    def delete(self, rule: Rule):
        """Delete it, or deactivate it where the service's owner has decided on it."""
        self.follow(rule)
        if rule.state in GONE_AT_ONCE:
            self._remove(rule)
        else:
            rule.deactivated_at = rule.deactivated_at or now()

    def remove_deactivated(self):
        """What Databricks does some days later."""
        for rule in [rule for rule in self.by_id.values() if rule.deactivated]:
            self._remove(rule)

    def _remove(self, rule: Rule):
        if rule.vpc_endpoint_id:
            self.endpoints.delete(rule.vpc_endpoint_id)
        del self.by_id[rule.id]

    @staticmethod
    def _change(rule: Rule, state: str):
        if rule.state != state:
            rule.state, rule.updated_time = state, now()


def check_domain_names(domain_names: list[str]):
    if not domain_names:
        raise invalid("A private endpoint rule needs at least one domain name.")
    if len(domain_names) > MOST_DOMAIN_NAMES:
        raise limit_reached(
            f"A private endpoint rule can have {MOST_DOMAIN_NAMES} domain names, not {len(domain_names)}."
        )
    for name in domain_names:
        if not FQDN.fullmatch(name):
            raise invalid(f"'{name}' is no fully qualified domain name.")
    if len({name.lower() for name in domain_names}) < len(domain_names):
        raise invalid("A domain name is given twice.")
