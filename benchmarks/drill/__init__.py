"""The failover drill: every fault in turn on the lab, under a steady load, measured and held to the design's figures."""
