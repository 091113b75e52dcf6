"""What nodes reported, each event exactly once, as it came."""

from __future__ import annotations

from django.db import models

from orthanc_console.nodes.models import Node


class Event(models.Model):
    """One thing that happened on a node. Its identifier was made there, so a repeated report changes nothing."""

    id = models.UUIDField(primary_key=True, editable=False)
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="events", db_index=False)
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=40)
    at = models.DateTimeField(help_text="By the node's clock")
    received_at = models.DateTimeField(help_text="By the console's clock")
    study = models.ForeignKey(
        "routing.Study", on_delete=models.SET_NULL, null=True, related_name="events"
    )
    delivery = models.ForeignKey(
        "routing.Delivery", on_delete=models.SET_NULL, null=True, related_name="events"
    )
    data = models.JSONField(default=dict)
    # Why the console could not use it; such an event is shown on the node's page and blocks nothing.
    problem = models.TextField(blank=True)

    class Meta:
        ordering = ("-seq",)
        indexes = (
            models.Index(fields=("node", "-seq")),
            models.Index(
                fields=("node", "-received_at"),
                condition=~models.Q(problem=""),
                name="event_set_aside",
            ),
            models.Index(
                fields=("node", "-seq"), condition=models.Q(kind="node.notice"), name="event_notice"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
