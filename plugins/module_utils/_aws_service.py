# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One AWS service as a module calls it: throttled calls are repeated, and each failure says what to do about it."""

from __future__ import annotations

try:
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError
except ImportError:  # AnsibleAWSModule says so
    pass

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

DENIED = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException")
IAM_PREFIX = {"elbv2": "elasticloadbalancing"}  # where it is not boto3's name of the service
# What passes by itself, besides what AWSRetry knows. The last two are Route 53's: one change of a zone at a time.
PASSING = (
    "ThrottlingException",
    "RequestThrottled",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "ConcurrentModification",
)
PATIENCE = dict(retries=8, delay=1, max_delay=20)
FAILURES = dict(
    denied="The AWS credentials may not call {action}; allow it in their IAM policy",
    no_credentials="{operation} needs AWS credentials; give access_key and secret_key, a profile, or an instance role",
    unreachable="{operation} does not reach AWS; check the region {region} and the network",
    other="{operation} failed",
)


class Problem(Exception):
    """What cannot be done, and what to do about it. AWS's own error is the cause, if there is one."""

    def __init__(self, message, cause=None):
        super().__init__(message)
        self.cause = cause
        self.code = getattr(cause, "response", {}).get("Error", {}).get("Code")

    def report(self, module):
        """End the module with this failure."""
        if self.cause is None:
            module.fail_json(msg=str(self))
        module.fail_json_aws(self.cause, msg=str(self))


class Service:
    """An AWS service in the module's account and region.

    failures: what is said of each, as FAILURES. patience: AWSRetry's parameters.
    """

    def __init__(self, module, name, failures=FAILURES, patience=PATIENCE):
        self.name = name
        self.failures = failures
        self.patience = patience
        self.client = module.client(name)
        self.region = self.client.meta.region_name

    def call(self, method, advice=None, **parameters):
        """Call the client's method, and return AWS's answer.

        advice: error code -> what is wrong and what to do about it.
        """
        return self._ask(method, lambda: getattr(self.client, method)(**parameters), advice)

    def read(self, method, key, advice=None, **parameters):
        """Return the list under the key, from all pages."""
        pages = self.client.get_paginator(method)
        return self._ask(method, lambda: pages.paginate(**parameters).build_full_result(), advice).get(key, [])

    def _ask(self, method, request, advice, passing=PASSING):
        """Make the request, again where AWS answers with what passes by itself, and raise a Problem where it fails."""
        retry = AWSRetry.jittered_backoff(**self.patience, catch_extra_error_codes=list(passing))
        try:
            return retry(request)()
        except is_boto3_error_code(DENIED) as error:
            raise self._problem("denied", method, error) from error
        except NoCredentialsError as error:
            raise self._problem("no_credentials", method, error) from error
        except EndpointConnectionError as error:
            raise self._problem("unreachable", method, error) from error
        except ClientError as error:
            known = (advice or {}).get(error.response["Error"]["Code"])
            raise (Problem(known, error) if known else self._problem("other", method, error)) from error
        except BotoCoreError as error:
            raise self._problem("other", method, error) from error

    def _problem(self, failure, method, error):
        operation = self.client.meta.method_to_api_mapping[method]
        action = f"{IAM_PREFIX.get(self.name, self.name)}:{operation}"
        return Problem(self.failures[failure].format(operation=operation, action=action, region=self.region), error)
