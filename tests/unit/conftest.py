# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import sys

import botocore.loaders
import botocore.session
import pytest
from ansible.module_utils.common import warnings


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")


@pytest.fixture(autouse=True)
def _no_warnings_of_other_tests():
    """A module's warnings are kept by the process, which Ansible starts anew for each module."""
    warnings._global_warnings.clear()
    warnings._global_deprecations.clear()


@pytest.fixture(scope="session")
def models_read_once():
    """Every session of botocore reads the models of its services, megabytes of JSON: most of the time of AWS tests."""
    loader = botocore.loaders.create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda _path: loader)
        yield


@pytest.fixture(scope="module")
def moto_as_it_was():
    """Take the extension out of moto again: other tests are about the modules against moto as it comes."""
    loaded = [module for name, module in sys.modules.items() if name.startswith(("moto.ec2.", "moto.elbv2."))]
    classes = {one for module in loaded for one in vars(module).values() if isinstance(one, type)}
    before = {one: dict(vars(one)) for one in classes if one.__module__.startswith("moto.")}
    yield
    for one, attributes in before.items():
        for name, value in dict(vars(one)).items():
            if name not in attributes:
                delattr(one, name)
            elif value is not attributes[name]:
                setattr(one, name, attributes[name])
