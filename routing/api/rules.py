"""`/api/v1/rules/`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from orthanc_console.accounts.models import Role
from orthanc_console.nodes.models import Node
from orthanc_console.pagination import NewestFirst
from orthanc_console.rest import Strict, actor
from routing import samples
from routing.api.rule_tools import RuleTools
from routing.filters import RuleFilter
from routing.language import parse, parse_tree
from routing.models import Destination, Rule, RuleRevision, Study
from routing.models.rule import Level
from routing.services import rules as services


class RuleSerializer(Strict, serializers.ModelSerializer[Rule]):
    destinations = serializers.PrimaryKeyRelatedField(many=True, queryset=Destination.objects.all())
    nodes = serializers.PrimaryKeyRelatedField(
        many=True, required=False, queryset=Node.objects.all(), help_text="Empty means every node"
    )
    position = serializers.IntegerField(
        min_value=1, required=False, help_text="1 is first; the others make room"
    )
    reason = serializers.CharField(
        write_only=True, required=False, allow_blank=True, max_length=200
    )
    sentence = serializers.SerializerMethodField()

    class Meta:
        model = Rule
        fields = (
            *("id", "name", "position", "enforcement", "level", "expression", "destinations"),
            *(
                "nodes",
                "late_arrivals",
                "priority",
                "stop_on_match",
                "revision",
                "sentence",
                "reason",
            ),
            *("last_matched_at", "created_at", "updated_at"),
        )
        read_only_fields = ("revision", "last_matched_at", "created_at", "updated_at")

    def get_sentence(self, rule: Rule) -> str:
        """What the condition selects, in words."""
        return services.sentence(rule)

    def create(self, validated_data: dict[str, Any]) -> Rule:
        return self._save(Rule(), validated_data)

    def update(self, instance: Rule, validated_data: dict[str, Any]) -> Rule:
        return self._save(instance, validated_data)

    def _save(self, rule: Rule, values: dict[str, Any]) -> Rule:
        by = actor(self.context["request"])
        position = values.pop("position", None)
        if values:
            reason = values.pop("reason", "")
            related = {
                name: values.pop(name) if name in values else self._related(rule, name)
                for name in ("destinations", "nodes")
            }
            for field, value in values.items():
                setattr(rule, field, value)
            services.save(by, rule, reason=reason, **related)
        if position is not None:
            services.move(by, rule, position)
        return rule

    def _related(self, rule: Rule, name: str) -> list[Any]:
        return list(getattr(rule, name).all()) if rule.pk else []


class RevisionSerializer(serializers.ModelSerializer[RuleRevision]):
    author = serializers.CharField(source="author_name")

    class Meta:
        model = RuleRevision
        fields = ("number", "at", "author", "reason", "content")


class ProblemSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    line = serializers.IntegerField()
    column = serializers.IntegerField()
    suggestion = serializers.CharField()


class ParsedSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    tree = serializers.JSONField(allow_null=True)
    errors = ProblemSerializer(many=True)  # type: ignore[assignment]
    warnings = ProblemSerializer(many=True)
    sentence = serializers.CharField()
    symbols = serializers.ListField(child=serializers.CharField())


class ParseSerializer(Strict):
    """Either the text of a rule or its tree."""

    text = serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, max_length=20_000
    )
    tree = serializers.JSONField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError(_("Give either “text” or “tree”."))
        return attrs


@extend_schema_field(OpenApiTypes.OBJECT)
class TagsField(serializers.DictField):
    """`{keyword: value}`, or `{"study": {...}, "series": [{...}]}`."""


class TestSerializer(Strict):
    """A condition, and the tags or the study to try it on."""

    expression = serializers.CharField(max_length=20_000)
    level = serializers.ChoiceField(Level.choices, default=Level.STUDY)
    tags = TagsField(required=False)
    study = serializers.PrimaryKeyRelatedField(required=False, queryset=Study.objects.all())

    def validate_tags(self, tags: dict[str, Any]) -> dict[str, Any]:
        study, series = tags.get("study", {}), tags.get("series", [])
        right = isinstance(study, dict) and isinstance(series, list)
        if not right or not all(isinstance(each, dict) for each in series):
            raise serializers.ValidationError(
                _("“study” must be an object, and “series” a list of objects.")
            )
        return tags

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("tags" in attrs) == ("study" in attrs):
            raise serializers.ValidationError(_("Give either “tags” or “study”."))
        return attrs


class DecisionSerializer(serializers.Serializer[Any]):
    result = serializers.ChoiceField(["match", "no_match", "undecided"])
    explanation = serializers.JSONField()
    matched_series = serializers.ListField(child=serializers.IntegerField())


class SymbolSerializer(serializers.Serializer[Any]):
    """A name; only a DICOM keyword has `tag`, `vr` and `vm`. `samples` are values that this site's studies have."""

    name = serializers.CharField()
    type = serializers.CharField()
    list = serializers.BooleanField()
    scope = serializers.CharField()
    description = serializers.CharField()
    tag = serializers.CharField()
    vr = serializers.CharField()
    vm = serializers.CharField()
    seen = serializers.BooleanField()
    samples = serializers.ListField(child=serializers.CharField())


class RuleViewSet(RuleTools, viewsets.ModelViewSet[Rule]):
    """Forwarding rules in their order."""

    queryset = Rule.objects.prefetch_related("destinations", "nodes")
    serializer_class = RuleSerializer
    filterset_class = RuleFilter
    action_roles = {
        **dict.fromkeys(("parse", "test", "backtest"), Role.VIEWER),
        "export": Role.ADMIN,
    }

    def perform_destroy(self, instance: Rule) -> None:
        services.delete(actor(self.request), instance)

    @extend_schema(request=ParseSerializer, responses=ParsedSerializer)
    @action(detail=False, methods=["post"], pagination_class=None, filterset_class=None)
    def parse(self, request: Request) -> Response:
        """Check a condition. Mistakes are in `errors`, and the answer is 200 all the same."""
        body = ParseSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        parsed = parse(given["text"]) if "text" in given else parse_tree(given["tree"])
        return Response(parsed.as_dict())

    @extend_schema(
        parameters=[OpenApiParameter("q", str, description="Part of a keyword or of a tag")],
        responses=SymbolSerializer(many=True),
    )
    @action(detail=False, pagination_class=None, filterset_class=None)
    def symbols(self, request: Request) -> Response:
        """The names that rules can use, those that this site's studies carry first."""
        return Response(samples.complete(request.query_params.get("q", "")[:64]))

    @extend_schema(request=TestSerializer, responses=DecisionSerializer)
    @action(detail=False, methods=["post"], pagination_class=None, filterset_class=None)
    def test(self, request: Request) -> Response:
        """Try a condition on a study that the console knows, or on tags."""
        body = TestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        facts = given["study"].facts if "study" in given else given["tags"]
        decision = services.test(given["expression"], facts, level=given["level"])
        answer = {
            "result": decision.result,
            "explanation": decision.explanation,
            "matched_series": list(decision.matched_series),
        }
        return Response(answer)

    @extend_schema(responses=RevisionSerializer(many=True))
    @action(detail=True, filterset_class=None)
    def revisions(self, request: Request, pk: str | None = None) -> Response:
        """Every version that the rule had, the newest first."""
        pages = NewestFirst()
        rows = pages.paginate_queryset(self.get_object().revisions.all(), request, self)
        return pages.get_paginated_response(RevisionSerializer(rows, many=True).data)
