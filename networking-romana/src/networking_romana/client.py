"""romana-server's HTTP API, as far as the drivers use it. Answers are the dictionaries of its JSON."""

from __future__ import absolute_import

import threading

import requests

from networking_romana import contract
from networking_romana.config import settings
from networking_romana.contract import path
from networking_romana.errors import RomanaRefused, RomanaUnavailable


class RomanaClient(object):
    """Each method is one request.

    All of them may be sent twice: a connection that was kept may have been closed by a server that has been restarted,
    and whether it did the work before is not known then.

    Every method raises RomanaRefused when the server says no, and RomanaUnavailable when it gives no usable answer.
    A name that would lead elsewhere raises ConfigError; there is none in Neutron.
    """

    def __init__(self, url, ca_file, token_file, timeout):
        """Args: url: str; ca_file, token_file: paths; timeout: seconds."""
        self._caller = contract.Caller(url, token_file, "neutron")
        self._ca_file = ca_file
        self._token_file = token_file
        self._timeout = timeout
        self._local = threading.local()

    def plan(self):
        """The address plan."""
        return self._get(contract.PLAN)

    def explain(self, address):
        """Whose an address (str) is: host, tenant, segment, role, endpoint."""
        return self._get(path(contract.EXPLAIN, address))

    def hosts(self):
        """All hosts."""
        return self._get(contract.HOSTS)

    def tenant(self, name):
        """A tenant."""
        return self._get(path(contract.TENANT, name))

    def segment(self, tenant, name):
        """A segment of a tenant."""
        return self._get(path(contract.SEGMENT, tenant, name))

    def tenants(self, **filters):
        """Tenants; filter: project_id."""
        return self._get(contract.TENANTS, filters)

    def create_tenant(self, name, project_id):
        """Make a tenant, or find it with just these values."""
        return self._send("POST", contract.TENANTS, body={"name": name, "project_id": project_id})

    def delete_tenant(self, name):
        """Delete a tenant without endpoints, with its segments."""
        self._delete(path(contract.TENANT, name))

    def segments(self, tenant):
        """The segments of a tenant."""
        return self._get(path(contract.SEGMENTS, tenant))

    def create_segment(self, tenant, name, network_id=None):
        """Make a segment, or find it with just these values."""
        return self._send("POST", path(contract.SEGMENTS, tenant), body={"name": name, "network_id": network_id})

    def delete_segment(self, tenant, name, generation):
        """Delete a segment without endpoints, of that generation; nothing happens when that has been done."""
        self._delete(path(contract.SEGMENT, tenant, name), {"If-Match": '"{}"'.format(generation)})

    def all_segments(self, **filters):
        """The segments of all tenants; filter: network_id."""
        return self._get(contract.ALL_SEGMENTS, filters)

    def groups(self):
        """All security groups."""
        return self._get(contract.GROUPS)

    def put_group(self, identifier, group):
        """Make a security group, or have it be like this."""
        return self._send("PUT", path(contract.GROUP, identifier), body=group)

    def delete_group(self, identifier):
        """Delete a security group that no endpoint is in; nothing happens when that has been done."""
        self._delete(path(contract.GROUP, identifier))

    def routers(self):
        """All routers."""
        return self._get(contract.ROUTERS)

    def put_router(self, identifier, router):
        """Make a router, or have it be like this."""
        return self._send("PUT", path(contract.ROUTER, identifier), body=router)

    def delete_router(self, identifier):
        """Delete a router; nothing happens when that has been done."""
        self._delete(path(contract.ROUTER, identifier))

    def floating_ips(self):
        """All floating IPs."""
        return self._get(contract.FLOATING_IPS)

    def put_floating_ip(self, address, floating_ip):
        """Give a floating IP (str) to an endpoint, whoever had it before."""
        return self._send("PUT", path(contract.FLOATING_IP, address), body=floating_ip)

    def delete_floating_ip(self, address):
        """Take a floating IP away; nothing happens when that has been done."""
        self._delete(path(contract.FLOATING_IP, address))

    def endpoints(self, **filters):
        """Endpoints; filters: host, tenant, segment, address, interface."""
        return self._get(contract.ENDPOINTS, filters)

    def create_endpoint(self, endpoint, key):
        """Make an endpoint, or find what the same key made."""
        return self._send("POST", contract.ENDPOINTS, body=endpoint, headers={"Idempotency-Key": key})

    def update_endpoint(self, identifier, changes):
        """Change MAC or interface of an endpoint."""
        return self._send("PATCH", path(contract.ENDPOINT, identifier), body=changes)

    def delete_endpoint(self, identifier):
        """Give an address back; nothing happens when that has been done."""
        self._delete(path(contract.ENDPOINT, identifier))

    def statuses(self, after=None, wait=0):
        """{"generation": int, "endpoints": [...]}: those whose status changed after a generation.

        Without `after` all of them. None when nothing changed in `wait` seconds.
        """
        query = {} if after is None else {"after": after, "wait": wait}
        return self._get(contract.STATUSES, query, self._timeout + wait)

    def _get(self, place, query=None, timeout=None):
        return self._send("GET", place, query=query, timeout=timeout)

    def _delete(self, place, headers=None):
        try:
            self._send("DELETE", place, headers=headers)
        except RomanaRefused as refusal:
            if refusal.code != contract.NOT_FOUND:
                raise

    def _send(self, method, place, query=None, body=None, headers=None, timeout=None):
        try:
            answer = self._ask(
                method,
                self._caller.url + place,
                params=query,
                json=body,
                # Read each time: a new token needs no restart.
                headers=dict(headers or {}, Authorization="Bearer " + contract.read_token(self._token_file)),
                timeout=timeout or self._timeout,
                verify=self._ca_file,
                allow_redirects=False,
            )
            return self._caller.read(answer.status_code, answer.content)
        except contract.ApiError as error:
            if error.lasting and error.code not in (contract.UNAUTHENTICATED, contract.FORBIDDEN):
                raise RomanaRefused(error.args[0], error.code, error.details)
            raise RomanaUnavailable(reason="romana-server: " + error.args[0])
        except contract.ClientError as error:
            raise RomanaUnavailable(reason=error.args[0])

    def _ask(self, *request, **options):
        self._caller.check_url()
        try:
            try:
                return self._session().request(*request, **options)
            except requests.Timeout:
                raise
            except requests.ConnectionError:
                return self._session().request(*request, **options)
        except EnvironmentError as error:  # requests' own, and that of a missing ca_file
            self._caller.trust(self._ca_file)  # says what is wrong with it better
            raise self._caller.no_answer(error, not isinstance(error, requests.exceptions.ConnectTimeout))

    def _session(self):
        """A session of this thread, made on first use: processes that are forked later share no connection."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False  # no proxy stands between Neutron and romana-server
        return self._local.session


_client = None


def romana():
    """The client that neutron.conf describes, the same for the whole process."""
    global _client
    if _client is None:
        options = settings()
        _client = RomanaClient(options.url, options.ca_file, options.token_file, options.timeout)
    return _client
