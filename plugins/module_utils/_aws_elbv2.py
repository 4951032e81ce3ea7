# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Elastic Load Balancing as the modules aws_nlb* call it: retried, whole lists, one clear message for each failure."""

from __future__ import annotations

import time

from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)

from ._aws_service import Problem, Service

NOT_FOUND = ("LoadBalancerNotFound", "TargetGroupNotFound")
# DescribeTags and DescribeTargetGroups refuse more than 20 ARNs in one call.
BATCH = 20
POLL_SECONDS = 5
FAILURES = dict(
    denied="the credentials may not call {action}; allow that action in their policy",
    no_credentials="no credentials were found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret",
    unreachable="AWS cannot be reached; is the region right, and is there a way to its endpoint",
    other="",
)


class Api(Service):
    """One AWS service, whose failures end the module: each says what it is about, and where."""

    def __init__(self, module, name):
        super().__init__(module, name, FAILURES, patience={})  # AWSRetry's own
        self.module = module

    def call(self, operation, subject, accept=(), retry=(), advice=None, **parameters):
        """Return the whole answer, all pages of it, or None where AWS answers with one of the error codes in accept.

        operation: as boto3 names it. subject: what the call is about, for the message of a failure.
        retry: further error codes that pass by themselves. advice: error code -> what to do about it.
        """
        try:
            return self._ask(operation, lambda: self._request(operation, parameters), advice, passing=retry)
        except Problem as problem:
            if problem.code in accept:
                return None
            place = f"{subject} in {self.region}"
            self.module.fail_json_aws(problem.cause, msg=f"{place}: {problem}" if str(problem) else place)

    def _request(self, operation, parameters):
        if self.client.can_paginate(operation):
            return self.client.get_paginator(operation).paginate(**parameters).build_full_result()
        return getattr(self.client, operation)(**parameters)

    def tags(self, arns, subject):
        """Return the tags of each ARN that exists: ARN -> dict."""
        found = {}
        for start in range(0, len(arns), BATCH):
            batch = arns[start : start + BATCH]
            answer = self.call("describe_tags", subject, accept=NOT_FOUND, ResourceArns=batch)
            if answer is None and len(batch) > 1:
                # One of them was deleted meanwhile, and AWS does not say which.
                for arn in batch:
                    found.update(self.tags([arn], subject))
            elif answer is not None:
                found.update({arn: {} for arn in batch})
                for entry in answer["TagDescriptions"]:
                    found[entry["ResourceArn"]] = boto3_tag_list_to_ansible_dict(entry.get("Tags", []))
        return found

    def change_tags(self, arn, subject, to_set, to_remove):
        if to_remove:
            self.call("remove_tags", subject, ResourceArns=[arn], TagKeys=sorted(to_remove))
        if to_set:
            self.call("add_tags", subject, ResourceArns=[arn], Tags=ansible_dict_to_boto3_tag_list(to_set))


def poll(look, done, timeout):
    """Look until done says so of what was seen, or the time is over. Return what was seen last, and if it is done."""
    deadline = time.monotonic() + timeout
    while True:
        seen = look()
        if done(seen):
            return seen, True
        if time.monotonic() + POLL_SECONDS > deadline:
            return seen, False
        time.sleep(POLL_SECONDS)


def attribute_value(value):
    """Return a value as the API writes it: true, false and numbers are strings."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def attribute_values(attributes):
    return {key: attribute_value(value) for key, value in (attributes or {}).items()}


def attribute_problems(place, attributes):
    return [
        f"{place}: attributes: {key} has no value; give it one, or leave it out"
        for key, value in (attributes or {}).items()
        if value is None or isinstance(value, (dict, list))
    ]


def from_attribute_list(attributes):
    return {entry["Key"]: entry.get("Value", "") for entry in attributes}


def to_attribute_list(attributes):
    return [{"Key": key, "Value": value} for key, value in sorted(attributes.items())]


def target_group_arns(listener):
    """Return the target groups that a listener of the API forwards to."""
    arns = []
    for action in listener.get("DefaultActions", []):
        weighted = [group["TargetGroupArn"] for group in action.get("ForwardConfig", {}).get("TargetGroups", [])]
        arns += weighted or [action.get("TargetGroupArn")]
    return [arn for arn in arns if arn]
