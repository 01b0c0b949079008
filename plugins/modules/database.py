#!/usr/bin/python
"""Ansible module: databases of MariaDB, each with one account that may use only its own."""

from __future__ import annotations

DOCUMENTATION = """
---
module: database
short_description: Manages databases of MariaDB and their accounts
version_added: 1.0.0
description:
  - Creates databases and accounts, grants each account all privileges on its own databases only, and sets its
    password.
  - Connects as root through the server's socket. Accounts can connect by TCP, from the server's machine only.
options:
  accounts:
    description: The accounts, each with its databases.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the account.
        type: str
        required: true
      password:
        description: Password of the account.
        type: str
        required: true
      databases:
        description: Databases of the account.
        type: list
        elements: str
        required: true
  socket:
    description: Socket of the server.
    type: path
    default: /run/mysqld/mysqld.sock
requirements:
  - python3-pymysql on the node
extends_documentation_fragment:
  - romana.openstack.attributes
"""

EXAMPLES = """
- name: Create Nova's databases
  romana.openstack.database:
    accounts:
      - name: nova
        password: "{{ nova_password }}"
        databases: [nova, nova_api, nova_cell0]
"""

RETURN = """
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [make database nova, make account nova]
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    import pymysql
except ImportError:
    pymysql = None  # type: ignore[assignment] # main says what is missing

HOST = "127.0.0.1"  # where accounts connect from


@dataclass(frozen=True)
class Statement:
    """One SQL statement with its parameters, and what it does in words."""

    text: str
    sql: str
    parameters: tuple[str, ...] = ()


@dataclass
class Found:
    """What the server has. passwords: hash by account; grants: (account, database) with all privileges."""

    databases: set[str] = field(default_factory=set)
    passwords: dict[str, str] = field(default_factory=dict)
    grants: set[tuple[str, str]] = field(default_factory=set)


def native_hash(password: str) -> str:
    """How MariaDB stores a password (mysql_native_password): '*' and SHA1(SHA1(password)) in upper-case hex."""
    inner = hashlib.sha1(password.encode()).digest()  # noqa: S324 - the server's format
    return "*" + hashlib.sha1(inner).hexdigest().upper()  # noqa: S324 - the server's format


def statements(accounts: list[dict[str, Any]], found: Found) -> list[Statement]:
    """What makes the server have the accounts and their databases. Pure."""
    result = []
    for account in accounts:
        name, password = account["name"], account["password"]
        for database in account["databases"]:
            if database not in found.databases:
                result.append(Statement(f"make database {database}", f"CREATE DATABASE `{database}`"))
        if name not in found.passwords:
            sql = "CREATE USER %s@%s IDENTIFIED BY %s"
            result.append(Statement(f"make account {name}", sql, (name, HOST, password)))
        elif found.passwords[name] != native_hash(password):
            sql = "ALTER USER %s@%s IDENTIFIED BY %s"
            result.append(Statement(f"change password of account {name}", sql, (name, HOST, password)))
        for database in account["databases"]:
            if (name, database) not in found.grants:
                sql = f"GRANT ALL PRIVILEGES ON `{database}`.* TO %s@%s"
                result.append(Statement(f"let account {name} use database {database}", sql, (name, HOST)))
    return result


def read(cursor: Any) -> Found:
    """What the server has."""
    found = Found()
    cursor.execute("SHOW DATABASES")
    found.databases = {row[0] for row in cursor.fetchall()}
    cursor.execute("SELECT User, Password FROM mysql.user WHERE Host = %s", (HOST,))
    found.passwords = {_text(user): _text(password) for user, password in cursor.fetchall()}
    cursor.execute("SELECT User, Db FROM mysql.db WHERE Host = %s AND Create_priv = 'Y' AND Drop_priv = 'Y'", (HOST,))
    found.grants = {(_text(user), _text(database).replace("\\", "")) for user, database in cursor.fetchall()}
    return found


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def main() -> None:
    """Entry point."""
    account = {
        "name": {"type": "str", "required": True},
        "password": {"type": "str", "required": True, "no_log": True},
        "databases": {"type": "list", "elements": "str", "required": True},
    }
    module = AnsibleModule(
        argument_spec={
            "accounts": {"type": "list", "elements": "dict", "required": True, "options": account},
            "socket": {"type": "path", "default": "/run/mysqld/mysqld.sock"},
        },
        supports_check_mode=True,
    )
    accounts, socket = module.params["accounts"], module.params["socket"]
    if module.check_mode and not Path(socket).exists():  # before the first installation there is no server
        finish(module, statements(accounts, Found()))
    if pymysql is None:
        module.fail_json(msg=missing_required_lib("pymysql"))
    try:
        with pymysql.connect(unix_socket=socket, user="root", charset="utf8mb4") as connection:
            cursor = connection.cursor()
            todo = statements(accounts, read(cursor))
            if not module.check_mode:
                for statement in todo:
                    cursor.execute(statement.sql, statement.parameters)
    except pymysql.MySQLError as error:
        module.fail_json(msg=f"MariaDB refuses: {error.args[-1]}; is the server at {socket} running, and are we root?")
    finish(module, todo)


def finish(module: AnsibleModule, todo: list[Statement]) -> None:
    """Say what was done."""
    changes = [statement.text for statement in todo]
    diff = {"before": "", "after": "".join(f"{change}\n" for change in changes)}
    module.exit_json(changed=bool(changes), changes=changes, diff=diff)


if __name__ == "__main__":
    main()
