"""Which addresses a playbook may make Stanch connect to."""

import pytest

from stanch.drift.probes.host import allowed, may_connect
from stanch.drift.settings import DriftSettings

HIDDEN = ("10.1.2.3", "127.0.0.1", "169.254.169.254", "192.168.0.1", "172.16.0.9", "::1", "fe80::1%eth0", "fd00::1",
          "::ffff:10.0.0.1", "0.0.0.0", "100.64.0.1", "224.0.0.1", "ff0e::1")  # fmt: skip


@pytest.mark.parametrize("address", HIDDEN)
def test_private_networks_are_closed_unless_named(address: str) -> None:
    assert not may_connect(address, DriftSettings())


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111"])
def test_public_addresses_are_open(address: str) -> None:
    assert may_connect(address, DriftSettings())


def test_a_private_network_that_is_named_is_open_and_its_neighbour_is_not() -> None:
    settings = DriftSettings(private=["10.20.0.0/16"])
    assert may_connect("10.20.3.4", settings)
    assert may_connect("::ffff:10.20.3.4", settings)
    assert not may_connect("10.21.3.4", settings)


def test_only_hosts_that_are_allowed_are_looked_up() -> None:
    settings = DriftSettings(hosts=["*.shop.example", "status.io"])
    assert allowed("API.shop.example", settings) is None
    assert allowed("status.io", settings) is None
    assert allowed("shop.example.evil.io", settings) is not None
    assert allowed("api.shop.example", DriftSettings()) is not None
