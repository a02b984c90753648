"""The flat network, and how a spec becomes one."""
