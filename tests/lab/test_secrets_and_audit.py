"""Nothing secret is where others can read it; what an auditor asks for is in the journal."""

import json
import subprocess

import pytest

pytestmark = pytest.mark.usefixtures("whole_before")
MARK = "hunter2-marked-secret"
KEY = "/etc/onprem-tunnel/id_tunnel"
MACHINES = ("proxy-a", "proxy-b", "fra-tunnel", "load-balancer", "client")


def grep(lab, machine, secret):
    """Where a secret stands on a machine for everybody to read: files, the journal, command lines, environments."""
    program = f"""
secret={secret}
find / -path /proc -prune -o -path /sys -prune -o -type f -perm -o+r -newermt '-1 day' -print 2>/dev/null |
    xargs -r -d '\\n' grep -l -F -e "$secret" 2>/dev/null
journalctl -o json --all 2>/dev/null | grep -F -e "$secret" | head -n 2
for process in /proc/[0-9]*; do
    if [ "$process" != /proc/$$ ] && tr '\\0' ' ' <$process/cmdline | grep -F -e "$secret"; then echo "command line of $process"; fi
    if [ "$process" != /proc/$$ ] && tr '\\0' ' ' <$process/environ | grep -q -F -e "$secret"; then echo "environment of $process"; fi
done 2>/dev/null
true
"""
    done = subprocess.run(
        ["podman", "exec", "-i", f"onprem-tunnel-{machine}", "sh"],
        input=program,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return [line for line in done.stdout.splitlines() if "grep -l -F" not in line]


def test_a_run_shows_no_secret_anywhere(lab, tmp_path):
    variables = tmp_path / "secrets.json"
    variables.write_text(json.dumps({"onprem_tunnel_passwords": {"crm": MARK}, "ansible_become_password": MARK}))
    run = lab.playbook("playbooks/tunnels.yml", "-vvv", "--diff", "-e", f"@{variables}")
    private = lab.run("fra-tunnel", f"sed -n 3p {KEY}").stdout.strip()
    assert len(private) > 60
    for secret in (MARK, private):
        assert secret not in run.output
        assert {machine: found for machine in MACHINES if (found := grep(lab, machine, secret))} == {}


def test_the_private_key_is_readable_by_nobody_else(lab):
    assert lab.run("fra-tunnel", f"stat -c '%a %U' {KEY}").stdout.split() == ["600", "root"]
    credentials = lab.run("fra-tunnel", "ls -d /run/credentials/onprem-tunnel@*").stdout.split()
    assert len(credentials) == 2
    for user in ("nobody", "admin", "onprem-tunnel-heartbeat", "onprem-tunnel-probe"):
        for place in (KEY, *(f"{folder}/key" for folder in credentials)):
            assert lab.run("fra-tunnel", f"runuser -u {user} -- cat {place}", check=False).returncode != 0


def test_the_search_above_finds_what_is_there(lab):
    lab.run("proxy-a", f"echo {MARK} > /tmp/left-behind")
    try:
        assert "/tmp/left-behind" in grep(lab, "proxy-a", MARK)
    finally:
        lab.run("proxy-a", "rm /tmp/left-behind")


def journal(lab, machine, *match):
    lines = lab.run(machine, f"journalctl --quiet -o json {' '.join(match)}").stdout.splitlines()
    return [json.loads(line) for line in lines]


def test_the_journal_tells_who_opened_which_tunnel_with_which_key(lab):
    fingerprint = lab.run("fra-tunnel", f"ssh-keygen -l -f {KEY}.pub").stdout.split()[1]
    sessions = lab.run("proxy-b", "pgrep -u onprem-tunnel sshd").stdout.split()
    assert len(sessions) == 1
    parent = lab.run("proxy-b", f"ps -o ppid= -p {sessions[0]}").stdout.strip()
    login = [entry["MESSAGE"] for entry in journal(lab, "proxy-b", f"_PID={parent}")]
    assert any(
        line.startswith("Accepted publickey for onprem-tunnel from 10.246.10.20 port ") and fingerprint in line
        for line in login
    ), login
    assert f"User child is on pid {sessions[0]}" in login
    opened = [entry["MESSAGE"] for entry in journal(lab, "proxy-b", f"_PID={sessions[0]}")]
    for port in (13306, 15432, 13999):
        assert any(f"listening on 127.0.0.1 port {port}" in line for line in opened), opened


def test_the_journal_tells_of_every_client_connection(lab):
    since = lab.run("proxy-a", "date '+%Y-%m-%d %H:%M:%S'").stdout.strip()
    assert lab.answers("orders", lab.addresses["proxy-a"])

    def told():
        entries = journal(lab, "proxy-a", "ONPREM_TUNNEL_RESOURCE=orders", f"--since='{since}'")
        return [entry for entry in entries if "socat" in entry["MESSAGE"]]

    def said(*words):
        return [entry for entry in told() if all(word in entry["MESSAGE"] for word in words)]

    lab.wait(lambda: said("exiting with status 0"), 10, "the end is told")
    address = lab.addresses["proxy-a"]
    assert said("accepting connection from AF=2 10.246.43.10:", f"on AF=2 {address}:3306"), told()
    assert {entry["_SYSTEMD_UNIT"] for entry in told()} == {"onprem-tunnel-forward@orders.service"}
    assert all(int(entry["__REALTIME_TIMESTAMP"]) for entry in told())
