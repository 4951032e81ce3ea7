#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: systemd_instances
short_description: Run exactly the given instances of a systemd template unit
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Gives each instance of a template unit its own configuration file, enables and starts it,
    and restarts it when it was started before its configuration last changed.
  - Instances that are not listed are stopped and disabled, and their configuration files are removed.
  - All instances are handled in one call, so the time does not grow with a round trip for each of them.
options:
  template:
    description:
      - Name of the template unit, which is installed already. For example V(onprem-tunnel-forward@.service).
    type: str
    required: true
  instances:
    description:
      - The instances that are wanted, each with the text of its configuration file.
    type: dict
    required: true
  directory:
    description:
      - Existing folder that holds the configuration files, and nothing else that ends with O(suffix).
    type: path
    required: true
  suffix:
    description:
      - Ending of the configuration files' names.
    type: str
    default: .conf
  mode:
    description:
      - Permissions of the configuration files, as an octal string. They belong to the user that runs the module.
    type: str
    default: "0644"
  validate:
    description:
      - Command that approves a changed configuration file before any file is replaced.
        V(%i) is the instance's name, V(%s) the path of its new file.
      - If it fails for any instance, the module fails with what the command printed, and all instances stay as they are.
      - Not run in check mode.
    type: str
  restart_on:
    description:
      - Further files that the instances read when they start, such as the template unit.
        An instance that was started before one of them last changed is restarted.
    type: list
    elements: path
    default: []
  restart:
    description:
      - Whether to restart all instances that run. For a caller that knows that a file of O(restart_on) changes
        in this run, so that check mode, in which it does not, can tell.
    type: bool
    default: false
  settle:
    description:
      - Seconds to wait after an instance was restarted, before the next one is.
        Keeps instances that stand in for each other from being away at the same time.
    type: float
    default: 0
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
    support: full
  diff_mode:
    description: Returns the configuration files before and after.
    support: full
  platform:
    description: Linux with systemd 247 or later.
    support: full
    platforms: linux
"""

EXAMPLES = r"""
- name: Forward two ports
  lakehouse.onprem_tunnel.systemd_instances:
    template: onprem-tunnel-forward@.service
    directory: /etc/onprem-tunnel/forwarders
    suffix: .env
    instances:
      orders: |
        LISTEN=TCP4-LISTEN:3306,bind=10.40.1.10
        CONNECT=TCP4:127.0.0.1:13306
      crm: |
        LISTEN=TCP4-LISTEN:5432,bind=10.40.1.10
        CONNECT=TCP4:127.0.0.1:15432
    restart_on:
      - /etc/systemd/system/onprem-tunnel-forward@.service
"""

RETURN = r"""
written:
  description: Instances whose configuration file was written.
  returned: success
  type: list
  elements: str
started:
  description: Instances that were not running and were started.
  returned: success
  type: list
  elements: str
restarted:
  description: Instances that ran with an older configuration and were restarted.
  returned: success
  type: list
  elements: str
enabled:
  description: Instances that were not started at boot, and now are.
  returned: success
  type: list
  elements: str
removed:
  description: Instances that were not listed and are gone.
  returned: success
  type: list
  elements: str
notes:
  description: What O(validate) printed for instances that it approved.
  returned: success
  type: list
  elements: str
"""

import os
import re
import shlex
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._systemd_instances import parse_states, reconcile

PROPERTIES = "Id,ActiveState,UnitFileState,ExecMainStartTimestamp,NeedDaemonReload"
# What systemd allows in a unit's name, less "@", "/" and a leading dot or dash.
INSTANCE_NAME = re.compile(r"^[A-Za-z0-9_:][A-Za-z0-9_:.-]*$")


class Instances:
    """The instances of one template unit on this host, and their configuration files."""

    def __init__(self, module):
        self.module = module
        self.params = module.params
        self.prefix, self.type = self.params["template"].split("@", 1)

    def unit(self, name):
        return f"{self.prefix}@{name}{self.type}"

    def path(self, name):
        return os.path.join(self.params["directory"], name + self.params["suffix"])

    def systemctl(self, *arguments):
        code, out, err = self.module.run_command(["systemctl", *list(arguments)])
        if code != 0:
            self.module.fail_json(
                msg="'systemctl {}' failed: {}".format(" ".join(arguments), (err or out).strip()),
            )
        return out

    def files(self):
        """The present configuration files: name -> (text, time of the last change)."""
        found = {}
        suffix = self.params["suffix"]
        directory = self.params["directory"]
        if not os.path.isdir(directory):
            return found
        for entry in os.listdir(directory):
            if entry.endswith(suffix) and not entry.startswith("."):
                path = os.path.join(directory, entry)
                with open(path, encoding="utf-8") as handle:
                    found[entry[: -len(suffix)]] = (handle.read(), os.stat(path).st_mtime)
        return found

    def loaded_names(self):
        """Instances that systemd has loaded, whether they have a file or not."""
        listed = self.systemctl("list-units", "--all", "--plain", "--no-legend", self.unit("*"))
        names = set()
        for line in listed.splitlines():
            unit = line.split()[0] if line.split() else ""
            if unit.startswith(self.prefix + "@") and unit.endswith(self.type):
                names.add(unit[len(self.prefix) + 1 : len(unit) - len(self.type)])
        names.discard("")
        return names

    def states(self, names):
        if not names:
            return {}
        units = {self.unit(name): name for name in names}
        out = self.systemctl("show", "--timestamp=us+utc", "--property=" + PROPERTIES, *sorted(units))
        return {units[unit]: state for unit, state in parse_states(out).items() if unit in units}

    def stage(self, names):
        """Write the new files beside the old ones and have them approved; all or none go on."""
        staged, problems, notes = {}, [], []
        try:
            for name in names:
                handle, path = tempfile.mkstemp(prefix="." + name, dir=self.params["directory"])
                staged[name] = path
                with os.fdopen(handle, "w", encoding="utf-8") as stream:
                    stream.write(self.params["instances"][name])
                os.chmod(path, int(self.params["mode"], 8))
                if not self.params["validate"]:
                    continue
                words = shlex.split(self.params["validate"])
                command = [word.replace("%i", name).replace("%s", path) for word in words]
                code, out, err = self.module.run_command(command)
                said = "\n".join(part.strip() for part in (out, err) if part.strip())
                if code != 0:
                    problems.append("{}: {}".format(name, said or f"exit code {code}"))
                elif said:
                    notes.append(f"{name}: {said}")
            if problems:
                self.module.fail_json(
                    msg="No instance was changed; what runs goes on as before.\n" + "\n".join(problems),
                )
            for name in names:
                os.replace(staged.pop(name), self.path(name))
                os.utime(self.path(name))  # not the time before the validation, which may take a while
        finally:
            for path in staged.values():
                os.unlink(path)
        return notes

    def apply(self, todo, needs_reload):
        notes = self.stage(todo["written"])
        if needs_reload or todo["written"]:
            self.systemctl("daemon-reload")
        if todo["removed"]:
            self.systemctl("disable", "--now", *[self.unit(name) for name in todo["removed"]])
            for name in todo["removed"]:
                if os.path.exists(self.path(name)):
                    os.unlink(self.path(name))
            # A unit that had failed stays listed until it is forgotten.
            self.module.run_command(["systemctl", "reset-failed"] + [self.unit(name) for name in todo["removed"]])
        if todo["enabled"]:
            self.systemctl("enable", *[self.unit(name) for name in todo["enabled"]])
        if todo["started"]:
            self.systemctl("start", *[self.unit(name) for name in todo["started"]])
        if self.params["settle"]:
            for position, name in enumerate(todo["restarted"]):
                time.sleep(self.params["settle"] if position else 0)
                self.systemctl("restart", self.unit(name))
        elif todo["restarted"]:
            self.systemctl("restart", *[self.unit(name) for name in todo["restarted"]])
        return notes


def main():
    module = AnsibleModule(
        argument_spec=dict(
            template=dict(type="str", required=True),
            instances=dict(type="dict", required=True),
            directory=dict(type="path", required=True),
            suffix=dict(type="str", default=".conf"),
            mode=dict(type="str", default="0644"),
            validate=dict(type="str"),
            restart_on=dict(type="list", elements="path", default=[]),
            restart=dict(type="bool", default=False),
            settle=dict(type="float", default=0),
        ),
        supports_check_mode=True,
    )
    wanted = module.params["instances"]
    if not re.match(r"^[^@/]+@\.[a-z]+$", module.params["template"]):
        module.fail_json(
            msg="template: '{}' is not a template unit's name such as 'tunnel@.service'.".format(
                module.params["template"]
            )
        )
    for name, text in wanted.items():
        if not INSTANCE_NAME.match(name):
            module.fail_json(
                msg=f"instances: '{name}' cannot be an instance's name; use letters, digits, '_', ':', '.' and '-'."
            )
        if not isinstance(text, str):
            module.fail_json(msg=f"instances: {name} needs the text of its configuration file.")

    instances = Instances(module)
    files = instances.files()
    states = instances.states(set(wanted) | set(files) | instances.loaded_names())
    changed_at = [os.stat(path).st_mtime for path in module.params["restart_on"] if os.path.exists(path)]
    shared_changed_at = time.time() if module.params["restart"] else max(changed_at, default=0.0)
    todo = reconcile(wanted, files, states, shared_changed_at)
    notes = []
    if not module.check_mode and any(todo.values()):
        notes = instances.apply(todo, any(state["needs_reload"] for state in states.values()))
    for note in notes:
        module.warn(note)
    touched = sorted(set(todo["written"]) | set(todo["removed"]))
    module.exit_json(
        changed=any(todo.values()),
        notes=notes,
        diff=[
            dict(
                before_header=instances.path(name),
                after_header=instances.path(name),
                before=files.get(name, ("", 0))[0],
                after="" if name in todo["removed"] else wanted[name],
            )
            for name in touched
        ],
        **todo,
    )


if __name__ == "__main__":
    main()
