"""Where moto's instances are unlike AWS's: a terminated one gives its address back, and no two have the same."""

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance
from moto.ec2.models.subnets import Subnet

from .patching import put

# Taken when this file is imported, so that installing twice is the same as once.
moto_terminate = Instance.terminate
moto_request_ip = Subnet.request_ip


def install():
    """Put the functions below into moto's classes."""
    put({Instance: [terminate], Subnet: [request_ip]})


def terminate(self):
    """A network interface that was made with an instance goes with it, unless the launch said otherwise."""
    for interface in self.nics.values():
        if interface.private_ip_address in self._private_ips:
            interface.delete_on_termination = interface.id in self.ec2_backend.enis
    return moto_terminate(self)


def request_ip(self, ip, instance):
    if ip in self._subnet_ips:
        raise EC2ClientError("InvalidIPAddress.InUse", f"Address {ip} is in use.")
    moto_request_ip(self, ip, instance)
