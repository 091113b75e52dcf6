"""`/api/v1/purge-policies/`, `purge-runs/`, `purged-studies/` and `purge-settings/`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from orthanc_console.accounts.models import Role
from orthanc_console.nodes.models import Node
from orthanc_console.pagination import NewestFirst
from orthanc_console.rest import Strict, actor
from purge.filters import PolicyFilter, PurgedStudyFilter, RunFilter
from purge.models import PurgedStudy, PurgePolicy, PurgeRun, PurgeSettings
from purge.sentence import sentence
from purge.services import policies, runs
from routing.models import Destination


class PolicySerializer(Strict, serializers.ModelSerializer[PurgePolicy]):
    nodes = serializers.PrimaryKeyRelatedField(
        many=True, required=False, queryset=Node.objects.all(), help_text="Empty means every node"
    )
    require_delivered_to = serializers.PrimaryKeyRelatedField(
        many=True,
        required=False,
        queryset=Destination.objects.all(),
        help_text="Only studies of which these destinations have every image",
    )
    keep_labels = serializers.ListField(child=serializers.CharField(max_length=64), required=False)
    sentence = serializers.SerializerMethodField()
    next_runs = serializers.SerializerMethodField()

    class Meta:
        model = PurgePolicy
        fields = (
            *("id", "name", "enforcement", "expression", "older_than_days", "age_basis"),
            *("undated", "min_days_since_received", "keep_labels", "require_delivered_to"),
            *("schedule", "time_zone", "missed", "max_studies_per_run", "max_bytes_per_run"),
            *("studies_per_minute", "hold_minutes", "needs_approval", "watermark_start"),
            *("watermark_stop", "nodes", "revision", "sentence", "next_runs", "created_at"),
            "updated_at",
        )
        read_only_fields = ("revision", "created_at", "updated_at")

    def get_sentence(self, policy: PurgePolicy) -> str:
        """The policy in words."""
        required = list(policy.require_delivered_to.all())
        return sentence(policy, list(policy.nodes.all()), required)

    @staticmethod
    def get_next_runs(policy: PurgePolicy) -> list[str]:
        """When it is due next, five times."""
        return [at.isoformat().replace("+00:00", "Z") for at in policies.next_runs(policy)]

    def create(self, validated_data: dict[str, Any]) -> PurgePolicy:
        return self._save(PurgePolicy(), validated_data)

    def update(self, instance: PurgePolicy, validated_data: dict[str, Any]) -> PurgePolicy:
        return self._save(instance, validated_data)

    def _save(self, policy: PurgePolicy, values: dict[str, Any]) -> PurgePolicy:
        related = {
            name: values.pop(name) if name in values else self._related(policy, name)
            for name in ("nodes", "require_delivered_to")
        }
        for field, value in values.items():
            setattr(policy, field, value)
        return policies.save(actor(self.context["request"]), policy, **related)

    @staticmethod
    def _related(policy: PurgePolicy, name: str) -> list[Any]:
        return list(getattr(policy, name).all()) if policy.pk else []


class RunSerializer(serializers.ModelSerializer[PurgeRun]):
    class Meta:
        model = PurgeRun
        fields = (
            *("id", "policy", "policy_name", "policy_revision", "node", "cause", "state", "detail"),
            *("dry_run", "planned_count", "planned_bytes", "deleted_count", "kept_count"),
            *("failed_count", "bytes_freed", "summary", "needs_approval", "requested_by_name"),
            *("approved_by_name", "approved_at", "due_at", "created_at", "planned_at"),
            *("hold_until", "started_at", "finished_at"),
        )


class PurgedStudySerializer(serializers.ModelSerializer[PurgedStudy]):
    node = serializers.IntegerField(source="run.node_id")
    policy_name = serializers.CharField(source="run.policy_name")

    class Meta:
        model = PurgedStudy
        fields = (
            *("id", "run", "node", "policy_name", "study", "orthanc_id", "outcome", "reason"),
            *("detail", "at", "study_instance_uid", "patient_id", "patient_name"),
            *("accession_number", "study_date", "study_description", "modalities"),
            *("instance_count", "series_count", "size_bytes", "verified"),
        )


class NodesSerializer(Strict):
    """Which of the policy's nodes; all of them by default."""

    nodes = serializers.PrimaryKeyRelatedField(
        many=True, required=False, queryset=Node.objects.all()
    )
    confirm = serializers.CharField(
        required=False, help_text="The policy's name; refused when it is another one"
    )


class PreviewSerializer(serializers.Serializer[Any]):
    node = serializers.IntegerField()
    node_name = serializers.CharField()
    ok = serializers.BooleanField()
    detail = serializers.CharField()
    planned_count = serializers.IntegerField(required=False)
    planned_bytes = serializers.IntegerField(required=False)
    kept_count = serializers.IntegerField(required=False)
    summary = serializers.DictField(required=False)
    studies = serializers.ListField(child=serializers.DictField(), required=False)
    kept = serializers.ListField(child=serializers.DictField(), required=False)


class PreviewsSerializer(serializers.Serializer[Any]):
    planned_count = serializers.IntegerField()
    planned_bytes = serializers.IntegerField()
    kept_count = serializers.IntegerField()
    nodes = PreviewSerializer(many=True)


class StartedSerializer(serializers.Serializer[Any]):
    runs = RunSerializer(many=True)


class KeepSerializer(Strict):
    studies = serializers.ListField(
        child=serializers.CharField(max_length=44),
        min_length=1,
        max_length=10_000,
        help_text="Their Orthanc identifiers",
    )


class PolicyViewSet(viewsets.ModelViewSet[PurgePolicy]):
    """Which studies are deleted when, and what always keeps one."""

    queryset = PurgePolicy.objects.prefetch_related("nodes", "require_delivered_to")
    serializer_class = PolicySerializer
    filterset_class = PolicyFilter
    action_roles = {"preview": Role.OPERATOR, "preview_unsaved": Role.OPERATOR}

    def perform_destroy(self, instance: PurgePolicy) -> None:
        policies.delete(actor(self.request), instance)

    @extend_schema(request=NodesSerializer, responses=PreviewsSerializer)
    @action(detail=True, methods=["get", "post"], filterset_class=None)
    def preview(self, request: Request, pk: str | None = None) -> Response:
        """What the policy would delete now, and what it keeps and why. Nothing is made; answers within about 25 seconds."""
        policy = self.get_object()
        nodes = _nodes(request) or policies.concerned_nodes(policy)
        return _told(runs.preview(actor(request), policy, nodes))

    @extend_schema(
        request=PolicySerializer,
        responses=PreviewsSerializer,
        operation_id="purge_policies_preview_unsaved",
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="preview",
        pagination_class=None,
        filterset_class=None,
    )
    def preview_unsaved(self, request: Request) -> Response:
        """The same for a policy that is not saved."""
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        nodes, required = values.pop("nodes", []), values.pop("require_delivered_to", [])
        policy = PurgePolicy(**values)
        policies.check(policy, nodes, required)
        chosen = nodes or list(Node.objects.all())
        return _told(runs.preview(actor(request), policy, chosen, required=required))

    @extend_schema(request=NodesSerializer, responses={201: StartedSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def run(self, request: Request, pk: str | None = None) -> Response:
        """Run it now, on each of its nodes."""
        policy = self.get_object()
        body = NodesSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        if body.validated_data.get("confirm", policy.name) != policy.name:
            raise serializers.ValidationError({"confirm": [_("This is not the policy's name.")]})
        started = runs.start(actor(request), policy, body.validated_data.get("nodes") or None)
        return Response(StartedSerializer({"runs": started}).data, status.HTTP_201_CREATED)


class RunViewSet(viewsets.ReadOnlyModelViewSet[PurgeRun]):
    """What purging did: each execution of a policy on one node, and each call of /purge-old-studies there."""

    queryset = PurgeRun.objects.all()
    serializer_class = RunSerializer
    filterset_class = RunFilter
    action_roles = {"cancel": Role.OPERATOR, "keep": Role.OPERATOR}

    @extend_schema(responses=PurgedStudySerializer(many=True))
    @action(detail=True, filterset_class=None)
    def studies(self, request: Request, pk: str | None = None) -> Response:
        """Each study of the run: deleted, kept or failed, and why."""
        rows = self.get_object().studies.select_related("run")
        found = PurgedStudyFilter(request.query_params, rows)
        if not found.is_valid():
            raise serializers.ValidationError(found.errors)
        pages = NewestFirst()
        page = pages.paginate_queryset(found.qs, request, self)
        return pages.get_paginated_response(PurgedStudySerializer(page, many=True).data)

    @extend_schema(request=None, responses=RunSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Stop it: what is not deleted yet stays."""
        run = self.get_object()
        runs.cancel(actor(request), run)
        return Response(RunSerializer(run).data)

    @extend_schema(request=None, responses=RunSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def approve(self, request: Request, pk: str | None = None) -> Response:
        """Let it begin, as a second person."""
        run = self.get_object()
        runs.approve(actor(request), run)
        return Response(RunSerializer(run).data)

    @extend_schema(request=KeepSerializer, responses=RunSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def keep(self, request: Request, pk: str | None = None) -> Response:
        """Take studies out of a run that is held."""
        run = self.get_object()
        body = KeepSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        runs.keep(actor(request), run, body.validated_data["studies"])
        return Response(RunSerializer(run).data)


class PurgedStudyViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[PurgedStudy]):
    """What became of studies in all runs: search by patient, accession number or UID."""

    queryset = PurgedStudy.objects.select_related("run")
    serializer_class = PurgedStudySerializer
    filterset_class = PurgedStudyFilter


class SettingsSerializer(Strict, serializers.ModelSerializer[PurgeSettings]):
    keep_labels = serializers.ListField(child=serializers.CharField(max_length=64), required=False)

    class Meta:
        model = PurgeSettings
        fields = ("endpoint_enabled", "keep_labels", "history_days", "waits_since")
        read_only_fields = ("waits_since",)


class SettingsViewSet(viewsets.GenericViewSet[PurgeSettings]):
    """What holds for all purging."""

    serializer_class = SettingsSerializer
    pagination_class = None
    filter_backends = ()

    @extend_schema(responses=SettingsSerializer)
    def list(self, request: Request) -> Response:
        return Response(SettingsSerializer(PurgeSettings.load()).data)

    @extend_schema(request=SettingsSerializer, responses=SettingsSerializer)
    def partial_update(self, request: Request) -> Response:
        settings = PurgeSettings.load()
        body = SettingsSerializer(settings, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        for field, value in body.validated_data.items():
            setattr(settings, field, value)
        saved = policies.save_settings(actor(request), settings)
        return Response(SettingsSerializer(saved).data)


def _nodes(request: Request) -> list[Node]:
    body = NodesSerializer(data=request.data if request.method == "POST" else {})
    body.is_valid(raise_exception=True)
    return list(body.validated_data.get("nodes") or ())


def _told(previews: list[runs.Preview]) -> Response:
    nodes = [
        {"node": p.node.pk, "node_name": p.node.name, "ok": p.ok, "detail": p.detail, **p.result}
        for p in previews
    ]
    totals = {
        name: sum(each.get(name, 0) for each in nodes)
        for name in ("planned_count", "planned_bytes", "kept_count")
    }
    return Response({**totals, "nodes": nodes})
