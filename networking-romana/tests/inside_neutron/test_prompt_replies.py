"""How soon a service of OpenStack sees a reply: with the oslo.messaging that Neutron has here."""

import importlib.util
import time
from pathlib import Path

import pytest
from oslo_messaging._drivers import amqpdriver

PROGRAM = Path(__file__).parents[3] / "roles/openstack_service/files/prompt_replies.py"


@pytest.fixture
def prompt_replies(monkeypatch):
    monkeypatch.setattr(amqpdriver.ReplyWaiters.get, "__code__", amqpdriver.ReplyWaiters.get.__code__)
    spec = importlib.util.spec_from_file_location("prompt_replies", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pauses(monkeypatch):
    """Those of a question whose reply comes during the third; how long they were."""

    def ask():
        waiters, made = amqpdriver.ReplyWaiters(), []

        def sleep(seconds):
            made.append(seconds)
            if len(made) == 3:
                waiters.put("question", "reply")

        waiters.add("question")
        monkeypatch.setattr(time, "sleep", sleep)
        assert waiters.get("question", 60) == "reply"
        return made

    return ask


def test_it_is_looked_for_often(prompt_replies, pauses):
    assert pauses() == [prompt_replies.PAUSE] * 3  # else there is nothing to be done any more
    prompt_replies.install()
    assert pauses() == [prompt_replies.SHORTER] * 3


def test_it_stays_so(prompt_replies, pauses):
    prompt_replies.install()
    prompt_replies.install()
    assert pauses() == [prompt_replies.SHORTER] * 3
