"""databricks-sdk is imported without its services, and whole for whoever asks for it next."""

import subprocess
import sys
from pathlib import Path

import pytest

MODULE_UTILS = Path(__file__).parents[3] / "plugins/module_utils"


def run(program, *folders):
    """In a process of its own: this one may have imported the SDK."""
    paths = [str(folder) for folder in (*folders, MODULE_UTILS)]
    program = f"import sys; sys.path[:0] = {paths}; import _databricks_sdk\n{program}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_services_are_not_imported():
    services = "print(*(name for name in sys.modules if name.startswith('databricks.sdk.service.')))"
    some = run(f"_databricks_sdk.import_core(); {services}")
    assert set(some) <= {"databricks.sdk.service._internal", "databricks.sdk.service.provisioning"}
    assert len(run(f"import databricks.sdk; {services}")) > 10, "which is what this is for"


def test_the_package_is_whole_for_whoever_imports_it_next():
    program = """
core = _databricks_sdk.import_core()
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
assert Config is core.Config
whole = sys.modules["databricks.sdk"]
assert _databricks_sdk.import_core() is core and sys.modules["databricks.sdk"] is whole
print(WorkspaceClient.__name__)
"""
    assert run(program) == ["WorkspaceClient"]


@pytest.mark.parametrize(
    "core", ["from databricks.sdk import Later as Config", "import databricks.sdk; Config = databricks.sdk.Later"]
)
def test_a_version_whose_login_needs_more_of_the_package_is_imported_whole(tmp_path, core):
    folder = tmp_path / "databricks/sdk"
    folder.mkdir(parents=True)
    folder.with_name("__init__.py").touch()
    (folder / "__init__.py").write_text("class Later: pass\n")
    (folder / "core.py").write_text(f"{core}\n")
    assert run("print(_databricks_sdk.import_core().Config.__name__)", tmp_path) == ["Later"]


def test_without_the_sdk_it_is_an_import_error():
    program = """
import importlib.util
importlib.util.find_spec = lambda name: None
try:
    _databricks_sdk.import_core()
except ImportError as error:
    print(type(error).__name__)
"""
    assert run(program) == ["ImportError"]
