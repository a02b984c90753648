"""regions"""

from netspec.importer.flat import Flat


def named(flat: Flat) -> Flat:
    return flat
