# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databricks' REST API as the modules call it: databricks-sdk logs in, and each failure says what to do about it.

The calls themselves are made here. The SDK's client repeats a POST that may have been carried out, tries a host that
does not answer for five minutes, waits as long as an answer asks it to, and quotes the request, with its passwords, in
the text of an error. Its typed methods drop empty lists, and read states that are new to them as None.
"""

from __future__ import annotations

import os
import time
import traceback
from urllib.parse import quote, urlsplit

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ._databricks_sdk import import_core
from ._waiting import look_until

SDK_IMPORT_ERROR = None
try:
    import requests

    sdk = import_core()
    Config, DefaultCredentials = sdk.Config, sdk.DefaultCredentials
except ImportError:
    SDK_IMPORT_ERROR = traceback.format_exc()
    DefaultCredentials = object

USER_AGENT = ("lakehouse.onprem_tunnel", "0.1.0")

AUTH_ARGUMENTS = dict(
    host=dict(type="str"),
    account_id=dict(type="str"),
    client_id=dict(type="str"),
    client_secret=dict(type="str", no_log=True),
    token=dict(type="str", no_log=True),
    profile=dict(type="str"),
    http_timeout=dict(type="int", default=300),
    retry_timeout=dict(type="int", default=300),
)

CHECK_CREDENTIALS = "check client_id and client_secret (or token), and that they belong to this host"
NO_TOKEN = "the account's API takes no personal access token: give client_id and client_secret"
ACCOUNT_ADMIN = (
    "the service principal has to be an account admin: account console, User management, Service principals, Roles"
)
NO_PRIVILEGE = "the service principal lacks the privilege in Unity Catalog, or is no member of this workspace"
WRONG_ACCOUNT_HOST = (
    "host has to be the account console's, https://accounts.cloud.databricks.com "
    "(GovCloud: https://accounts.cloud.databricks.us, DoD: https://accounts-dod.cloud.databricks.mil)"
)
WRONG_WORKSPACE_HOST = "host has to be the workspace's URL, for example https://dbc-a1b2345c-d6e7.cloud.databricks.com"
HOW_TO_LOG_IN = (
    "give host with client_id and client_secret, or token, or a profile of ~/.databrickscfg, or set DATABRICKS_HOST "
    "and the others in the environment"
)
ENTERPRISE = "enterprise"  # unconfirmed: what the refusal of a lower plan says
TRY_LATER = "Databricks cannot do it at the moment; run again"
NOT_THE_API = "NOT_THE_API"  # our code for an answer that is none of the API's
NO_SUCH_API = "ENDPOINT_NOT_FOUND"

CONNECT_SECONDS = 10
# How long a call is repeated on a host that cannot be reached; the SDK's own calls at login, too.
UNREACHABLE_SECONDS = 15
# How long to look for what a call may have made although it failed.
APPEARS_SECONDS = 10
LONGEST_PAUSE = 10


class Problem(Exception):
    """What cannot be done, and what to do about it."""

    def __init__(self, message, code=None, status=None, hint=None, unknown=False, passing=False, retry_after=None):
        super().__init__(message)
        self.code = code
        """Databricks' error code, such as PERMISSION_DENIED."""
        self.status = status
        """The HTTP status."""
        self.hint = hint
        self.unknown = unknown
        """Whether it is unknown if Databricks carried the call out."""
        self.passing = passing
        """Whether the same call may succeed later, and does no harm if it was carried out already."""
        self.retry_after = retry_after
        """The seconds after which Databricks wants to be asked again."""

    def report(self, module):
        """End the module with this failure."""
        text = f"{self}; {self.hint}" if self.hint else str(self)
        module.fail_json(msg=text, error_code=self.code, status_code=self.status, hint=self.hint)

    def is_absence(self):
        """Whether it says that what the path names is not there."""
        return self.code == "RESOURCE_DOES_NOT_EXIST" or (
            self.status == 404 and self.code not in (NO_SUCH_API, NOT_THE_API)
        )


def make_module(arguments, **options):
    """Return the AnsibleModule of a Databricks module, and fail where the SDK is missing."""
    module = AnsibleModule(argument_spec={**AUTH_ARGUMENTS, **arguments}, supports_check_mode=True, **options)
    if SDK_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("databricks-sdk"), exception=SDK_IMPORT_ERROR)
    return module


def carry_out(module, problems, work):
    """Do the module's work, and end it with the result, or with all that is wrong with its parameters, or with a Problem.

    problems: a function of the parameters that lists what is wrong. work: a function that returns the module's result.
    """
    try:
        wrong = problems(module.params)
        if wrong:
            raise Problem("; ".join(wrong))
        result = work()
    except Problem as problem:
        problem.report(module)
    module.exit_json(**result)


def seconds_problems(params, **least):
    """Return which of the options are no number of seconds, or less than the least one."""
    return [
        f"{name}: {params[name]} is no number of seconds; write {number} or more"
        for name, number in least.items()
        if params[name] < number
    ]


def quoted(name):
    """Return a name as it stands in a path."""
    return quote(str(name), safe="")


class Api:
    """The API of one host, by paths below root. What its kinds have in common."""

    wrong_host = ""
    denied = ""

    def __init__(self, module):
        wrong = seconds_problems(module.params, http_timeout=1, retry_timeout=0)
        if wrong:
            raise Problem("; ".join(wrong))
        self.patience = module.params["retry_timeout"]
        self.http_timeout = module.params["http_timeout"]
        self.session = requests.Session()
        self.host = None
        self.is_databricks = True
        self.config = self._log_in(module.params)
        self.root = ""

    def _kind_problem(self, name):
        """Return what is wrong with a host's name that is plainly of the other kind, or None."""

    def _log_in(self, params):
        settings = {
            key: params[key]
            for key in ("host", "account_id", "client_id", "client_secret", "token", "profile")
            if params[key]
        }
        # Other credentials in the environment would make the SDK refuse to choose.
        if params["token"]:
            settings["auth_type"] = "pat"
        elif params["client_secret"]:
            settings["auth_type"] = "oauth-m2m"
        try:
            known = params["host"] or os.environ.get("DATABRICKS_HOST")
            if known:
                self._check_host(known)
            return Config(
                credentials_strategy=Credentials(self._check_host),
                http_timeout_seconds=CONNECT_SECONDS,
                retry_timeout_seconds=UNREACHABLE_SECONDS,
                product=USER_AGENT[0],
                product_version=USER_AGENT[1],
                **settings,
            )
        except Problem:
            raise
        except Exception as error:  # the SDK raises many kinds, OSError for the file of profiles among them
            hint = (
                HOW_TO_LOG_IN if self.is_databricks else f"this host does not answer as Databricks: {self.wrong_host}"
            )
            raise Problem(f"Databricks cannot be logged in to: {reason(error)}", hint=hint) from error

    def _check_host(self, host):
        """Fail where there is no such host, or plainly not of this kind, before the SDK tries to log in to it."""
        if not host:
            raise Problem("Databricks cannot be logged in to: no host is known", hint=HOW_TO_LOG_IN)
        parts = urlsplit(host if "://" in host else f"https://{host}")
        name = f"{parts.scheme}://{parts.netloc}"
        if name == self.host:
            return
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise Problem(f"host: '{host}' is more than a host; write {name}")
        wrong = self._kind_problem(parts.hostname or "")
        if wrong:
            raise Problem(f"{name} is {wrong}", hint=self.wrong_host)
        self.host = name
        self._repeat(self._look_at_host)

    def _look_at_host(self):
        """Any answer will do: not every host has this page, and not every login needs it."""
        answer = self._send("GET", "/.well-known/databricks-config", CONNECT_SECONDS)
        self.is_databricks = content(answer) is not None

    def get(self, path, **query):
        return self._do("GET", path, query)

    def find(self, path, **query):
        """Return what the path names, or None where there is nothing."""
        try:
            return self.get(path, **query)
        except Problem as problem:
            if problem.is_absence():
                return None
            raise

    def pages(self, path, key, **query):
        """Return the list under the key, from all pages."""
        found = []
        while True:
            answer = self.get(path, **query)
            found += answer.get(key) or []
            token = answer.get("next_page_token")
            if not token:
                return found
            query = dict(query, page_token=token)

    def get_list(self, path):
        """Return the answer of a call that answers with a bare list."""
        return self._do("GET", path, {}) or []

    def patch(self, path, body, **query):
        """Change something; repeated like a GET, as the same change twice is one."""
        return self._do("PATCH", path, query, body)

    def put(self, path, body):
        """Replace something. body: a function, asked anew before each attempt, as others may have written in between."""
        return self._repeat(lambda: self._call("PUT", path, {}, body()))

    def delete(self, path, **query):
        """Delete something; that it is gone already is no failure."""
        try:
            return self._do("DELETE", path, query)
        except Problem as problem:
            if problem.is_absence():
                return {}
            raise

    def create(self, path, body, find):
        """Make something that is not there yet, exactly once, and return it.

        find: a function that returns it if it is there, otherwise None. It is asked after each failure that leaves open
        whether Databricks made it, and before each further attempt.
        """
        pauses = Pauses(self.patience)
        while True:
            try:
                return self._call("POST", path, {}, body)
            except Problem as problem:
                again = problem.passing and pauses.pause(problem)
                if problem.unknown:
                    made = look_until(lambda: unless_it_fails(find), APPEARS_SECONDS, pause=1)
                elif problem.passing or already_there(problem):
                    made = find()
                else:
                    raise
                if made is not None:
                    return made
                if problem.unknown:
                    problem.hint += "; Databricks may do it nevertheless: run again, which looks before it makes one"
                if not again:
                    raise

    def _do(self, method, path, query, body=None):
        return self._repeat(lambda: self._call(method, path, query, body))

    def _repeat(self, call):
        """Call until it succeeds, or fails for good."""
        pauses = Pauses(self.patience)
        while True:
            try:
                return call()
            except Problem as problem:
                if not problem.passing or not pauses.pause(problem):
                    raise

    def _call(self, method, path, query, body=None):
        """Call once, and return the answer's JSON."""
        try:
            login = self.config.authenticate()
        except requests.exceptions.RequestException as error:
            raise self._unreachable("login", error, unknown=False) from error
        except Exception as error:  # many kinds here as well
            raise Problem(
                f"{self.host} does not accept the credentials: {reason(error)}",
                code="UNAUTHENTICATED",
                hint=CHECK_CREDENTIALS,
            ) from error
        answer = self._send(
            method,
            f"{self.root}{path}",
            self.http_timeout,
            params=query or None,
            json=body,
            headers={"Accept": "application/json", "User-Agent": self.config.user_agent},
            # Not among the headers, where a ~/.netrc would win.
            auth=lambda request: request.headers.update(login) or request,
        )
        said = content(answer)
        if said is None:
            raise self._not_the_api(method, path, answer)
        if not answer.ok:
            raise self._refused(method, path, answer, said)
        return said

    def _send(self, method, path, timeout, **options):
        """Return what is answered, whatever it is. A redirect leads to a login page, so it is not followed."""
        try:
            return self.session.request(
                method, f"{self.host}{path}", timeout=(CONNECT_SECONDS, timeout), allow_redirects=False, **options
            )
        except requests.exceptions.RequestException as error:
            raise self._unreachable(f"{method} {path}", error, unknown=method == "POST") from error

    def _refused(self, method, path, answer, said):
        said = said if isinstance(said, dict) else {}
        code, status = said.get("error_code"), answer.status_code
        message = first_line(said.get("message") or said.get("error") or answer.reason)
        return Problem(
            f"{method} {path}: {message} ({code or status})",
            code,
            status,
            self._hint(code, status, message),
            unknown=method == "POST" and status in (500, 502, 504),
            passing=is_passing(method, status),
            retry_after=seconds(answer.headers.get("Retry-After")),
        )

    def _hint(self, code, status, message):
        if code == NO_SUCH_API:
            return self.wrong_host
        if ENTERPRISE in message.lower():
            return "private endpoint rules and network connectivity configurations need the Enterprise plan"
        if status == 401:
            return CHECK_CREDENTIALS
        if status == 403:
            return self.denied
        if status == 429:
            return "Databricks limits the calls of this account; raise retry_timeout, or run fewer at once"
        if status >= 500:
            return TRY_LATER
        return None

    def _not_the_api(self, method, path, answer):
        target = answer.headers.get("Location", "").partition("?")[0]
        what = f"a redirect to {target}" if target else "a page that is not Databricks' API, such as one to log in"
        status = answer.status_code
        no_way = f"{self.wrong_host}, and no proxy or IP access list may stand before it"
        return Problem(
            f"{method} {path}: {self.host} answers with {what} (HTTP {status})",
            NOT_THE_API,
            status,
            TRY_LATER if status >= 500 else no_way,
            unknown=method == "POST" and not is_passing(method, status),
            passing=is_passing(method, status),
            retry_after=seconds(answer.headers.get("Retry-After")),
        )

    def _unreachable(self, what, error, unknown):
        untrusted = isinstance(error, requests.exceptions.SSLError)
        return Problem(
            f"{what}: {self.host} does not answer ({type(error).__name__})",
            code="UNREACHABLE",
            hint="its certificate is not trusted: set REQUESTS_CA_BUNDLE to the authority's"
            if untrusted
            else "check host and the way to it, or raise http_timeout",
            unknown=unknown,
            passing=not unknown and not untrusted,
        )


class Account(Api):
    """The account's API; paths are below the account."""

    wrong_host = WRONG_ACCOUNT_HOST
    denied = ACCOUNT_ADMIN

    def __init__(self, module):
        super().__init__(module)
        if not self.config.account_id:
            raise Problem(
                "The account is not known",
                hint="give account_id (account console, the menu at the user's name), or set DATABRICKS_ACCOUNT_ID",
            )
        self.root = f"/api/2.0/accounts/{quoted(self.config.account_id)}"

    def _kind_problem(self, name):
        if ".databricks." in name and not name.startswith(("accounts.", "accounts-")):
            return "a workspace's host, and this is a matter of the account"
        return None

    def _hint(self, code, status, message):
        if status in (401, 403) and self.config.auth_type == "pat":
            return NO_TOKEN
        return super()._hint(code, status, message)


class Workspace(Api):
    """A workspace's API."""

    wrong_host = WRONG_WORKSPACE_HOST
    denied = NO_PRIVILEGE

    def _kind_problem(self, name):
        if name.startswith(("accounts.", "accounts-")):
            return "the account's host, and this is a matter of a workspace"
        return None


class Credentials(DefaultCredentials):
    """The SDK's own choice of credentials, for a host that was looked at first."""

    def __init__(self, check_host):
        super().__init__()
        self.check_host = check_host

    def __call__(self, config):
        self.check_host(config.host)
        return super().__call__(config)


class Pauses:
    """The pauses between the attempts of one call."""

    def __init__(self, patience):
        self.patience = patience
        self.started = time.monotonic()
        self.attempts = 0

    def pause(self, problem):
        """Pause before the next attempt; False if there is no time for one."""
        self.attempts += 1
        until = self.started + (self.patience if problem.status else min(self.patience, UNREACHABLE_SECONDS))
        length = min(self.attempts, LONGEST_PAUSE) if problem.retry_after is None else problem.retry_after
        if time.monotonic() + length > until:
            return False
        time.sleep(length)
        return True


def is_passing(method, status):
    """Whether to call again. 502 and 504 leave open whether a POST was carried out."""
    return status in (429, 503) or (method != "POST" and status in (502, 504))


def already_there(problem):
    return problem.status == 409 or (problem.code or "").endswith("ALREADY_EXISTS")


def unless_it_fails(find):
    """Return what is found. That it cannot be looked for matters less than why it was looked for."""
    try:
        return find()
    except Problem:
        return None


def content(answer):
    """Return an answer's JSON, {} where it is empty, None where it is something else."""
    if answer.is_redirect:
        return None
    if not answer.content:
        return {}
    try:
        return answer.json() or {}
    except ValueError:
        return None


def seconds(header):
    """Return what a Retry-After says, if it is a number as Databricks' is."""
    return int(header) if header and header.isdecimal() else None


def reason(error):
    """Return what the SDK says, without the settings that it adds."""
    return first_line(error).partition(". Config: ")[0]


def first_line(error):
    return str(error).strip().partition("\n")[0] or type(error).__name__
