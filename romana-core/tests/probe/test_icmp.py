"""The ICMP packets of a probe, without a network."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from romana.probe import icmp

numbers = st.integers(0, 0xFFFF)
IP_HEADER = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 1, 0, bytes(4), bytes(4))


def test_echo_request_is_the_packet_that_rfc_792_draws() -> None:
    packet = icmp.echo_request(0x1234, 1)
    assert packet[:2] == bytes([8, 0])
    assert packet[4:8] == bytes([0x12, 0x34, 0, 1])


@given(numbers, numbers)
def test_checksum_of_a_whole_request_is_zero(identifier: int, sequence: int) -> None:
    assert icmp.checksum(icmp.echo_request(identifier, sequence)) == 0


@given(numbers, numbers)
def test_reply_tells_which_request_it_answers(identifier: int, sequence: int) -> None:
    reply = IP_HEADER + bytes([icmp.ECHO_REPLY]) + icmp.echo_request(identifier, sequence)[1:]
    assert icmp.parse(reply, "10.0.0.1") == icmp.Answer(icmp.ECHO_REPLY, "10.0.0.1", identifier, sequence)


@given(numbers, numbers, st.sampled_from([icmp.TIME_EXCEEDED, icmp.UNREACHABLE]))
def test_error_tells_which_request_it_is_about(identifier: int, sequence: int, kind: int) -> None:
    error = IP_HEADER + bytes([kind]) + bytes(7) + IP_HEADER + icmp.echo_request(identifier, sequence)[:8]
    assert icmp.parse(error, "10.0.0.1") == icmp.Answer(kind, "10.0.0.1", identifier, sequence)


@given(st.binary(max_size=80))
def test_no_packet_can_upset_it(packet: bytes) -> None:
    answer = icmp.parse(packet, "10.0.0.1")
    assert answer is None or answer.kind in (icmp.ECHO_REPLY, icmp.UNREACHABLE, icmp.TIME_EXCEEDED)


def test_own_request_is_no_answer() -> None:
    assert icmp.parse(IP_HEADER + icmp.echo_request(1, 1), "10.0.0.1") is None
