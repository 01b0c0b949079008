"""The field "Romana Network Segment" of Horizon's Launch Instance, in its tab Advanced Options.

A customization module of Horizon, for releases whose launching is a Django workflow; later ones offer the metadata that
Glance's catalogue defines by themselves. What is entered becomes the instance's metadata romanaSegment.
"""

from __future__ import absolute_import

from django.utils.translation import ugettext_lazy as _
from horizon import forms
from openstack_dashboard import api
from openstack_dashboard.dashboards.project.instances import views
from openstack_dashboard.dashboards.project.instances.workflows import create_instance

FIELD = "romana_segment"
KEY = "romanaSegment"
_server_create = api.nova.server_create


class AdvancedAction(create_instance.SetAdvancedAction):
    """Horizon's own fields, and the segment."""

    romana_segment = forms.CharField(
        label=_("Romana Network Segment"),
        required=False,
        max_length=64,
        help_text=_("Name of a segment of the project. Without it the instance is in the segment default."),
    )

    class Meta(object):
        """Horizon's own."""

        name = _("Advanced Options")
        help_text_template = "project/instances/_launch_advanced_help.html"


class Advanced(create_instance.SetAdvanced):
    """Horizon's step, with the segment."""

    action_class = AdvancedAction
    contributes = create_instance.SetAdvanced.contributes + (FIELD,)


class LaunchInstance(create_instance.LaunchInstance):
    """Horizon's workflow, which tells nobody of the segment."""

    default_steps = create_instance.LaunchInstance.default_steps[:-1] + (Advanced,)

    def handle(self, request, context):
        """Launch; the segment goes with the request to who asks Nova."""
        setattr(request, FIELD, context.get(FIELD))
        return super(LaunchInstance, self).handle(request, context)


def server_create(request, *args, **options):
    """Ask Nova for the instance, with the segment in its metadata."""
    segment = getattr(request, FIELD, None)
    if segment:
        options["meta"] = dict(options.get("meta") or {}, **{KEY: segment})
    return _server_create(request, *args, **options)


api.nova.server_create = server_create
views.LaunchInstanceView.workflow_class = LaunchInstance
