"""What `ansible-galaxy collection build` makes holds what a user runs, and works where nothing else is."""

import tarfile

import pytest

BELONGS = {
    "CHANGELOG.rst",
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
    "SECURITY.md",
    "changelogs",
    "docs",
    "meta",
    "playbooks",
    "plugins",
    "roles",
}


@pytest.fixture(scope="module", name="artifact")
def _artifact(root, run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifact")
    # A clean copy: an untracked file of the working tree is not what a release is built from.
    source = folder / "source"
    source.mkdir()
    files = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=root).stdout.split("\0")
    for name in filter(None, files):
        if (root / name).is_symlink() or not (root / name).exists():
            continue
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((root / name).read_bytes())
        (source / name).chmod((root / name).stat().st_mode)
    built = run("ansible-galaxy", "collection", "build", source, cwd=folder)
    assert built.returncode == 0, built.stdout
    return next(folder.glob("lakehouse-onprem_tunnel-*.tar.gz"))


def test_it_holds_what_belongs_in_it(artifact):
    with tarfile.open(artifact) as archive:
        names = archive.getnames()
    assert {name.split("/")[0] for name in names} <= BELONGS
    assert {"playbooks/site.yml", "roles/proxy_vm/files/onprem_tunnel_health.py", "plugins/filter/plan.py"} <= set(
        names
    )
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_it_works_by_name_in_an_empty_environment(artifact, root, run, tmp_path):
    installed = run(
        *("ansible-galaxy", "collection", "install", "--offline", artifact, "-p", tmp_path / "collections"),
        cwd=tmp_path,
    )
    assert installed.returncode == 0, installed.stdout
    arguments = ("-i", root / "inventories/example")
    path = {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections")}
    validated = run("ansible-playbook", "lakehouse.onprem_tunnel.validate", *arguments, cwd=tmp_path, **path)
    assert validated.returncode == 0 and "failed=0" in validated.stdout, validated.stdout
    assert "HAND-OVER" in validated.stdout
    listed = run("ansible-playbook", "lakehouse.onprem_tunnel.site", *arguments, "--list-tasks", cwd=tmp_path, **path)
    assert listed.returncode == 0, listed.stdout
    assert "onprem_tunnel_host : Keys | Pair" in listed.stdout and "Require every path" in listed.stdout


def test_names_resolve_from_a_clone_at_any_path(root, run, tmp_path):
    """As AWX and users run it: the clone as working directory, no settings of the user's own."""
    listed = run("ansible-playbook", "-i", "inventories/example", "site.yml", "--list-tasks", cwd=root, home=tmp_path)
    assert listed.returncode == 0, listed.stdout
    shown = run("ansible-doc", "lakehouse.onprem_tunnel.systemd_instances", cwd=root, home=tmp_path)
    assert shown.returncode == 0 and "template unit" in shown.stdout
