"""Has a process of OpenStack take another service's reply soon after it has come.

oslo.messaging 16 looks for a reply every half second, as who waited in the queue itself was not always woken
(https://bugs.launchpad.net/bugs/2035113). An instance's start is two dozen questions, one after the other.
"""

PAUSE = 0.5  # seconds, of oslo.messaging
SHORTER = 0.02


def install():
    """Nothing where its releases do not look so. Eventlet has to be ready: this imports oslo.messaging."""
    from oslo_messaging._drivers.amqpdriver import ReplyWaiters

    code = ReplyWaiters.get.__code__
    constants = tuple(SHORTER if one == PAUSE else one for one in code.co_consts)
    ReplyWaiters.get.__code__ = code.replace(co_consts=constants)
