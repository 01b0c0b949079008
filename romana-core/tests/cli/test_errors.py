"""Whatever goes wrong: one line that says what and the fix, no traceback, and an exit code that is not 0."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from romana import client_config
from romana.cli import exit_codes

from .certificates import Authority
from .conftest import Done, Romana, Server


def refused(done: Done, code: int, *said: str) -> None:
    assert done.code == code, done
    assert done.out == ""
    assert done.err.startswith("romana: ")
    assert done.err.count("\n") == 1
    for text in said:
        assert text in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("hots", "list"), "did you mean 'host list'?"),
        (("host",), "'host' needs one of: create, delete, list, set, show"),
        (("host", "lits"), "'host' needs one of"),
        (("show-hosts",), "did you mean 'show-host'?"),
        (("-f", "json", "host", "list"), "is not a command"),
        (("--url",), "expected one argument"),
        (("host", "show"), "required: NAME; see romana host show --help"),
        (("host", "show", "two words"), "'two words' is not a name"),
        (("host", "show", "x" * 300), "(300 characters)"),
        (("host", "show", ""), "'' is not a name"),
        (("host", "add", "x"), "required: ADDRESS"),
        (("host", "add", "x", "192.168.99"), "not an IPv4 address"),
        (("host", "add", "x", "192.168.99.1", "--index", "two"), "not a host number"),
        (("host", "list", "-f", "xml"), "invalid choice: 'xml'"),
        (("host", "list", "--no-such"), "unrecognized arguments: --no-such"),
        (("tenant", "create", "a/b"), "not a name"),
        (("segment", "add", "admin"), "required: NAME"),
        (
            ("endpoint", "create", "admin", "--host", "h", "--interface", "t", "--mac", "fa:16:3e:00:00:01"),
            "tenant/segment",
        ),
        (("endpoint", "create", "a/b", "--host", "h", "--interface", "t", "--mac", "no"), "not a MAC address"),
        (("explain",), "required: ADDRESS"),
        (("explain", "10.0.18"), "not an IPv4 address"),
        (("help", "nothing"), "is not a command"),
    ],
)
def test_usage(run: Romana, arguments: tuple[str, ...], said: str) -> None:
    refused(run(*arguments), exit_codes.USAGE, said)


def test_no_command_shows_the_overview(run: Romana) -> None:
    done = run()
    assert done.code == exit_codes.USAGE
    assert done.out == ""
    assert "host list" in done.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"url = ", "is not TOML"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"", "url is missing; add it (where romana-server is"),
        (b'url = "https://a"\ntoken_file = "/x"\nca_fil = "/y"', "ca_fil is not known; did you mean ca_file?"),
        (b'url = 7\ntoken_file = "/x"', "url is 7"),
        (b'url = "nonsense"\ntoken_file = "{token}"', "write it like https://"),
        (b'url = "https://127.0.0.1"\ntoken_file = "/nowhere"', "token_file /nowhere cannot be read"),
        (b'url = "https://127.0.0.1"\ntoken_file = "/"', "Is a directory"),
        (b'url = "https://127.0.0.1"\nca_file = "/nowhere"\ntoken_file = "{token}"', "ca_file /nowhere cannot be read"),
        (b'url = "http://192.0.2.1:9600"\ntoken_file = "{token}"', "would travel in clear"),
    ],
)
def test_configuration(
    run: Romana, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, said: str
) -> None:
    token = tmp_path / "token"
    token.write_text("abc")
    config = tmp_path / "client.toml"
    if content is not None:
        config.write_bytes(content.replace(b"{token}", str(token).encode()))
    monkeypatch.setenv("ROMANA_CONFIG", str(config))
    refused(run("host", "list"), exit_codes.USAGE, said)


def test_all_findings_of_the_configuration_at_once(
    run: Romana, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "client.toml"
    config.write_text("url = 7\nuri = 8\n")
    monkeypatch.setenv("ROMANA_CONFIG", str(config))
    refused(run("plan", "show"), exit_codes.USAGE, "url is 7", "uri is not known", "token_file is missing")


def test_no_configuration_anywhere(run: Romana, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    system = tmp_path / "etc" / "client.toml"  # this machine may have the real one
    monkeypatch.setattr(client_config, "SYSTEM_CONFIG", system)
    monkeypatch.setenv("ROMANA_CONFIG", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    said = f"neither {tmp_path}/romana/client.toml nor {system} exists"
    refused(run("host", "list"), exit_codes.USAGE, said, "--url, --ca-file and --token-file")


def test_empty_token_file(run: Romana, server: Server, tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    done = run("host", "list", "--url", server.url, "--token-file", str(tmp_path / "token"))
    refused(done, exit_codes.USAGE, "the token is empty")


@pytest.mark.parametrize(("token", "said"), [("wrong", "is not known"), ("expired", "expired at")])
def test_token_that_is_not_valid(run: Romana, server: Server, tmp_path: Path, token: str, said: str) -> None:
    (tmp_path / "wrong").write_text("a-token-that-nobody-made")
    path = server.tokens.get(token, tmp_path / token)
    done = run("host", "list", "--url", server.url, "--ca-file", str(server.ca_file), "--token-file", str(path))
    refused(done, exit_codes.FAILED, said, "put a valid token into token_file")
    assert "nobody" not in done.err


def test_authority_of_another_stack(run: Romana, server: Server, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    done = run("host", "list", *server.options(), "--ca-file", str(other.ca_file))
    refused(done, exit_codes.FAILED, server.url, "authority that is not trusted", "ca_file must be")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("plan", "show"), exit_codes.OK),
        (("explain", "192.0.2.1"), exit_codes.FAILED),
        (("plan", "shwo"), exit_codes.USAGE),
        (("plan", "show", "--ca-file", "/nowhere"), exit_codes.USAGE),
    ],
)
def test_exit_code_of_a_process(process: Romana, server: Server, arguments: tuple[str, ...], code: int) -> None:
    done = process(*arguments[:2], *server.options(), *arguments[2:])
    assert done.code == code
    assert done.err.count("\n") == (0 if code == exit_codes.OK else 1)
    assert bool(done.out) is (code == exit_codes.OK)


def test_server_is_away(run: Romana, server: Server) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{bound.getsockname()[1]}"
        refused(
            run("host", "list", *server.options(), "--url", url), exit_codes.FAILED, url, "refused", "systemctl status"
        )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("host", "show", "nowhere"), "nowhere"),
        (("host", "list", "compute01", "nowhere"), "nowhere"),
        (("host", "remove", "nowhere"), "nowhere"),
        (("tenant", "show", "nobody"), "nobody"),
        (("tenant", "delete", "nobody"), "nobody"),
        (("segment", "list", "nobody"), "nobody"),
        (("segment", "add", "nobody", "s1"), "nobody"),
        (("segment", "remove", "admin", "s9"), "s9"),
        (("endpoint", "show", "nothing"), "no endpoint has the id, name or address 'nothing'"),
        (("endpoint", "show", ""), "no endpoint has"),
        (("endpoint", "delete", "10.0.18.99"), "'10.0.18.99'; romana endpoint list"),
        (("endpoint", "delete", "../hosts/compute01"), "no endpoint has"),
        (("policy", "show", "nothing"), "nothing"),
        (("policy", "delete", "nothing"), "nothing"),
        (("policy", "create", "p", "--from", "nobody", "--to", "admin"), "nobody"),
        (("explain", "192.0.2.1"), "outside the address plan 10.0.0.0/8"),
        (("host", "add", "h300", "192.168.99.99", "--index", "300"), "300"),
        (("host", "add", "compute01", "192.168.99.99"), "compute01"),
        (("tenant", "create", "admin", "--project-id", "other"), "admin"),
    ],
)
def test_server_refuses(run: Romana, network: Server, arguments: tuple[str, ...], said: str) -> None:
    refused(run(*arguments, *network.options()), exit_codes.FAILED, said)


def test_reader_of_the_output_goes_away(server: Server, environment: dict[str, str]) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "romana.cli.main", "host", "list", *server.options()]
    done = subprocess.run(command, env=environment, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (exit_codes.BROKEN_PIPE, "")


def test_output_cannot_be_written(server: Server, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "romana.cli.main", "host", "list", *server.options()]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == exit_codes.FAILED
    assert done.stderr == "romana: the output cannot be written: No space left on device\n"


def test_interrupted_while_waiting(server: Server, environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = [sys.executable, "-m", "romana.cli.main", "host", "list", *server.options(), "--url", url]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            silent.settimeout(60)
            connection, _ = silent.accept()  # from here on it waits for an answer
            with connection:
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (exit_codes.INTERRUPTED, "romana: interrupted\n")


def test_version(run: Romana) -> None:
    done = run("--version")
    assert done.code == 0
    assert done.out.startswith("romana ")


def test_nothing_is_printed_but_the_data(romana: Romana) -> None:
    done = romana("plan", "show", "-f", "json")
    assert done.err == ""
    assert json.loads(done.out)["cidr"] == "10.0.0.0/8"
