"""What `/api/v1/rules/` can do beside reading and saving: replay, go back, copy, export and import."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from orthanc_console.nodes.models import Node
from orthanc_console.rest import Strict, actor
from routing import exchange
from routing.models import Backtest, Destination, Rule
from routing.models.rule import Level
from routing.services import backtests
from routing.services import revisions as revision_services

BACKTEST_SECONDS = 10.0


class BacktestSerializer(Strict):
    """Either a rule (saved, or with changes), or the `id` of a replay that is to go on or to end."""

    id = serializers.PrimaryKeyRelatedField(required=False, queryset=Backtest.objects.all())
    cancel = serializers.BooleanField(default=False)
    rule = serializers.PrimaryKeyRelatedField(required=False, queryset=Rule.objects.all())
    expression = serializers.CharField(required=False, max_length=20_000)
    level = serializers.ChoiceField(Level.choices, required=False)
    nodes = serializers.PrimaryKeyRelatedField(
        many=True, required=False, queryset=Node.objects.all()
    )
    destinations = serializers.PrimaryKeyRelatedField(
        many=True, required=False, queryset=Destination.objects.all()
    )
    days = serializers.IntegerField(default=30, min_value=1, max_value=backtests.LONGEST_DAYS)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not {"id", "rule", "expression"} & attrs.keys():
            raise serializers.ValidationError(_("Give “expression”, “rule” or “id”."))
        return attrs


class BacktestedSerializer(serializers.Serializer[Any]):
    """While `state` is `running`, ask again with the `id`."""

    id = serializers.UUIDField()
    state = serializers.CharField(help_text="running, done or cancelled")
    days = serializers.IntegerField()
    total = serializers.IntegerField(help_text="Studies of these days")
    seen = serializers.IntegerField(help_text="Studies replayed so far")
    matched = serializers.IntegerField()
    undecided = serializers.IntegerField()
    stopped = serializers.IntegerField(help_text="They match, but an earlier rule stops")
    bytes = serializers.IntegerField()
    matched_by_saved = serializers.IntegerField()
    bytes_by_saved = serializers.IntegerField()
    newly_matched = serializers.IntegerField()
    no_longer_matched = serializers.IntegerField()
    newly_matched_studies = serializers.ListField(child=serializers.IntegerField())
    no_longer_matched_studies = serializers.ListField(child=serializers.IntegerField())
    per_day = serializers.DictField(
        help_text="day -> [studies, matched, matched by the saved version]"
    )
    absent_tags = serializers.DictField(help_text="keyword -> undecided studies without it")


class RevertSerializer(Strict):
    revision = serializers.IntegerField(min_value=1)


class ImportSerializer(Strict):
    text = serializers.CharField(trim_whitespace=False, max_length=exchange.reading.LONGEST)
    delete = serializers.BooleanField(default=False)
    apply = serializers.BooleanField(default=False, help_text="false: only tell what would change")


class ChangeSerializer(serializers.Serializer[Any]):
    what = serializers.ChoiceField(["rule", "destination"])
    done = serializers.ChoiceField(["created", "changed", "deleted"])
    name = serializers.CharField()
    differences = serializers.DictField()


class ImportedSerializer(serializers.Serializer[Any]):
    applied = serializers.BooleanField()
    changes = ChangeSerializer(many=True)
    unchanged = serializers.IntegerField()
    order = serializers.BooleanField(help_text="Whether the order of the rules changes")
    notes = serializers.ListField(child=serializers.CharField())


class ExportedSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(help_text="YAML")


class RuleTools(viewsets.GenericViewSet[Rule]):
    """Actions of `RuleViewSet`."""

    @extend_schema(request=BacktestSerializer, responses=BacktestedSerializer)
    @action(detail=False, methods=["post"], pagination_class=None, filterset_class=None)
    def backtest(self, request: Request) -> Response:
        """Replay a rule over the history. Answers when it is done, or after 10 seconds."""
        body = BacktestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        made = given.get("id") or self._start(request, given)
        if given["cancel"]:
            backtests.cancel(made)
        else:
            backtests.advance(made, BACKTEST_SECONDS)
        return Response(_told(made))

    def _start(self, request: Request, given: dict[str, Any]) -> Backtest:
        rule = given.get("rule") or Rule()
        rule.expression = given.get("expression", rule.expression)
        rule.level = given.get("level", rule.level)
        chosen = {
            name: [each.pk for each in given[name]] if name in given else _related(rule, name)
            for name in ("nodes", "destinations")
        }
        return backtests.start(actor(request), rule, days=given["days"], **chosen)

    @extend_schema(request=RevertSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def revert(self, request: Request, pk: str | None = None) -> Response:
        """Save the rule as it was in an earlier revision; that is a new revision."""
        body = RevertSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        rule = self.get_object()
        revision = get_object_or_404(rule.revisions, number=body.validated_data["revision"])
        saved = revision_services.revert(actor(request), rule, revision)
        return Response(self.get_serializer(saved).data)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"], filterset_class=None)
    def duplicate(self, request: Request, pk: str | None = None) -> Response:
        """Make a disabled copy right below the rule."""
        made = revision_services.duplicate(actor(request), self.get_object())
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=ExportedSerializer)
    @action(detail=False, pagination_class=None, filterset_class=None)
    def export(self, request: Request) -> Response:
        """All rules and destinations as YAML, without passwords."""
        return Response({"text": exchange.write()})

    @extend_schema(request=ImportSerializer, responses=ImportedSerializer)
    @action(
        detail=False,
        methods=["post"],
        url_path="import",
        url_name="import",
        pagination_class=None,
        filterset_class=None,
    )
    def bring_in(self, request: Request) -> Response:
        """Tell what a file would change, or change it. Takes the rule file of the router script, too."""
        body = ImportSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        bring = exchange.bring_in if given["apply"] else exchange.preview
        try:
            report = bring(actor(request), exchange.read(given["text"]), delete=given["delete"])
        except exchange.ImportProblem as error:
            raise serializers.ValidationError({"text": error.problems}) from error
        return Response(ImportedSerializer(report).data)


def _related(rule: Rule, name: str) -> list[int]:
    return list(getattr(rule, name).values_list("pk", flat=True)) if rule.pk else []


def _told(made: Backtest) -> dict[str, Any]:
    tally = made.tally
    count = {name: tally.get(name, 0) for name in ("seen", "matched", "undecided", "stopped")}
    return {
        "id": made.pk,
        "state": made.state,
        "days": made.days,
        "total": made.total,
        **count,
        "bytes": tally.get("size", 0),
        "matched_by_saved": tally.get("before", 0),
        "bytes_by_saved": tally.get("size_before", 0),
        "newly_matched": tally.get("gained_count", 0),
        "no_longer_matched": tally.get("lost_count", 0),
        "newly_matched_studies": tally.get("gained", []),
        "no_longer_matched_studies": tally.get("lost", []),
        "per_day": tally.get("days", {}),
        "absent_tags": tally.get("unread", {}),
    }
