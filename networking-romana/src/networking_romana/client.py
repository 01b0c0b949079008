"""romana-server's HTTP API, as far as the drivers use it. Answers are the dictionaries of its JSON."""

from __future__ import absolute_import

import threading

import requests

from networking_romana.config import settings
from networking_romana.errors import RomanaRefused, RomanaUnavailable

EXHAUSTED = 507


class RomanaClient(object):
    """Each method is one request.

    All of them may be sent twice: a connection that was kept may have been closed by a server that has been restarted,
    and whether it did the work before is not known then.

    Every method raises RomanaRefused when the server says no, and RomanaUnavailable when it gives no usable answer.
    """

    def __init__(self, url, ca_file, token_file, timeout):
        """Args: url: str; ca_file, token_file: paths; timeout: seconds."""
        self._url = url.rstrip("/")
        self._ca_file = ca_file
        self._token_file = token_file
        self._timeout = timeout
        self._local = threading.local()

    def plan(self):
        """The address plan."""
        return self._get("/v1/plan")

    def explain(self, address):
        """Whose an address (str) is: host, tenant, segment, role, endpoint."""
        return self._get("/v1/explain/{}".format(address))

    def tenants(self, **filters):
        """Tenants; filter: project_id."""
        return self._get("/v1/tenants", filters)

    def create_tenant(self, name, project_id):
        """Make a tenant, or find it with just these values."""
        return self._send("POST", "/v1/tenants", body={"name": name, "project_id": project_id})

    def delete_tenant(self, name):
        """Delete a tenant without endpoints, with its segments."""
        self._delete("/v1/tenants/{}".format(name))

    def segments(self, tenant):
        """The segments of a tenant."""
        return self._get("/v1/tenants/{}/segments".format(tenant))

    def create_segment(self, tenant, name):
        """Make a segment, or find it."""
        return self._send("POST", "/v1/tenants/{}/segments".format(tenant), body={"name": name})

    def endpoints(self, **filters):
        """Endpoints; filters: host, tenant, segment, address, interface."""
        return self._get("/v1/endpoints", filters)

    def create_endpoint(self, endpoint, key):
        """Make an endpoint, or find what the same key made."""
        return self._send("POST", "/v1/endpoints", body=endpoint, headers={"Idempotency-Key": key})

    def update_endpoint(self, identifier, changes):
        """Change MAC or interface of an endpoint."""
        return self._send("PATCH", "/v1/endpoints/{}".format(identifier), body=changes)

    def delete_endpoint(self, identifier):
        """Give an address back; nothing happens when that has been done."""
        self._delete("/v1/endpoints/{}".format(identifier))

    def statuses(self, after=None, wait=0):
        """{"generation": int, "endpoints": [...]}: those whose status changed after a generation.

        Without `after` all of them. None when nothing changed in `wait` seconds.
        """
        query = {} if after is None else {"after": after, "wait": wait}
        return self._get("/v1/statuses", query, self._timeout + wait)

    def _get(self, path, query=None, timeout=None):
        return self._send("GET", path, query=query, timeout=timeout)

    def _delete(self, path):
        try:
            self._send("DELETE", path)
        except RomanaRefused as refusal:
            if refusal.code != "not_found":
                raise

    def _send(self, method, path, query=None, body=None, headers=None, timeout=None):
        def send():
            return self._session().request(
                method,
                self._url + path,
                params=query,
                json=body,
                headers=dict(headers or {}, Authorization="Bearer " + self._token()),
                timeout=timeout or self._timeout,
                verify=self._ca_file,
                allow_redirects=False,
            )

        try:
            try:
                answer = send()
            except requests.Timeout:
                raise
            except requests.ConnectionError:
                answer = send()
        except (IOError, OSError) as error:  # requests' own, and that of a missing ca_file
            raise RomanaUnavailable(reason=self._why(error, timeout or self._timeout))
        return self._read(answer)

    def _session(self):
        """A session of this thread, made on first use: processes that are forked later share no connection."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False  # no proxy stands between Neutron and romana-server
        return self._local.session

    def _token(self):
        """Read each time: a new token needs no restart."""
        try:
            with open(self._token_file) as file:
                return file.read().strip()
        except (IOError, OSError) as error:
            raise RomanaUnavailable(
                reason="Neutron's token for romana-server cannot be read ({}: {}); run the installer again".format(
                    self._token_file, error.strerror
                )
            )

    def _why(self, error, seconds):
        if isinstance(error, requests.Timeout):
            what = "does not answer within {:g} s".format(seconds)
        elif isinstance(error, requests.exceptions.SSLError):
            what = "has a certificate that {} does not vouch for ({})".format(self._ca_file, _why_refused(error))
        elif isinstance(error, requests.ConnectionError):
            what = "cannot be reached"
        else:
            what = "cannot be asked: {}".format(error)
        return "romana-server ({}) {}; see systemctl status romana-server there".format(self._url, what)

    def _read(self, answer):
        if answer.status_code == requests.codes.no_content:
            return None
        try:
            content = answer.json()
            if answer.ok:
                return content
            error = content["error"]
            code, message = error["code"], error["message"]
        except (ValueError, KeyError, TypeError):
            raise RomanaUnavailable(
                reason="romana-server ({}) gives no valid answer: HTTP {}".format(self._url, answer.status_code)
            )
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            raise RomanaUnavailable(reason="romana-server does not let Neutron in: {}".format(message))
        if answer.status_code >= requests.codes.server_error and answer.status_code != EXHAUSTED:
            raise RomanaUnavailable(reason="romana-server: {}".format(message))
        raise RomanaRefused(message, code, error.get("details"))


def _why_refused(error):
    """What the TLS library says of a certificate: expired, not yet valid, for another name, of another authority.

    requests and urllib3 each put an exception of their own around it. Python 2.7 says less.
    """
    inner = getattr(error, "reason", None) or (error.args and error.args[0])
    if isinstance(inner, Exception):
        return _why_refused(inner)
    return getattr(error, "verify_message", error)


_client = None


def romana():
    """The client that neutron.conf describes, the same for the whole process."""
    global _client
    if _client is None:
        options = settings()
        _client = RomanaClient(options.url, options.ca_file, options.token_file, options.timeout)
    return _client
