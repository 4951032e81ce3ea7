"""A withdrawn listener stays permitted exactly as long as it is open."""

from ansible_collections.lakehouse.onprem_tunnel.plugins.filter.keep_open_permissions import keep_open_permissions

PRESENT = """\
# Ansible managed
restrict,port-forwarding,permitlisten="127.0.0.1:13306",permitlisten="127.0.0.1:15432" ssh-ed25519 AAAAfra fra
restrict,port-forwarding,permitlisten="127.0.0.2:13306" ssh-ed25519 AAAAmuc muc

LISTEN 0 128 127.0.0.1:13306 0.0.0.0:*
LISTEN 0 128 127.0.0.1:15432 0.0.0.0:*
LISTEN 0 128 127.0.0.2:13306 0.0.0.0:*
"""


def tunnel(*permitlisten, key="ssh-ed25519 AAAAfra fra"):
    return {"host": "fra", "address": "127.0.0.1", "keys": [key], "permitlisten": list(permitlisten)}


def permitted(tunnels, present):
    return [(entry["permitlisten"], entry["kept"]) for entry in keep_open_permissions(tunnels, present)]


def test_an_open_listener_stays_permitted():
    assert permitted([tunnel("127.0.0.1:13306")], PRESENT) == [
        (["127.0.0.1:13306", "127.0.0.1:15432"], ["127.0.0.1:15432"])
    ]


def test_a_closed_listener_is_withdrawn():
    closed = PRESENT.replace("LISTEN 0 128 127.0.0.1:15432 0.0.0.0:*\n", "")
    assert permitted([tunnel("127.0.0.1:13306")], closed) == [(["127.0.0.1:13306"], [])]


def test_a_key_keeps_nothing_that_another_key_was_permitted():
    assert permitted([tunnel(key="ssh-ed25519 AAAAnew fra")], PRESENT) == [([], [])]


def test_an_open_port_that_was_never_permitted_is_not_added():
    assert permitted([tunnel("127.0.0.1:13306")], "LISTEN 0 128 127.0.0.1:19999 0.0.0.0:*\n") == [
        (["127.0.0.1:13306"], [])
    ]


def test_a_virgin_proxy_has_nothing_to_keep():
    assert permitted([tunnel("127.0.0.1:13306")], "") == [(["127.0.0.1:13306"], [])]
