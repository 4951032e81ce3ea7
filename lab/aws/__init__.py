"""The lab's AWS: moto's server, made as strict as AWS where this project depends on it."""

import moto

MOTO_VERSION = "5.2.5"


def install():
    """Extend moto in this process. Calling it again changes nothing."""
    if moto.__version__ != MOTO_VERSION:
        raise RuntimeError(
            f"lab/aws extends the inside of moto {MOTO_VERSION}, and moto {moto.__version__} is installed. "
            f"Install moto=={MOTO_VERSION}, or read lab/aws against the other version and set MOTO_VERSION there."
        )
    from . import instances, load_balancers, peering, privatelink

    for extension in (instances, load_balancers, peering, privatelink):
        extension.install()
