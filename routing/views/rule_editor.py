"""What stands beside the rule editor: trying a condition on studies, on tags, and on a file that is dropped."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from orthanc_console.accounts.access import SignedInRequest, viewer_required
from routing import dicom_file, site_tags, tryout
from routing.conditions import compile_condition
from routing.models import Rule
from routing.models.rule import Level
from routing.services import backtests, ordering
from routing.services import rules as services


def editor_context(rule: Rule, posted: QueryDict, expression: str) -> dict[str, Any]:
    """Everything that the page of the editor needs beside its form."""
    given = posted.copy()
    given["expression"] = expression
    given.setdefault("level", rule.level)
    days = [
        (days, ngettext("%(n)d day", "%(n)d days", days) % {"n": days}) for days in backtests.DAYS
    ]
    return {
        "replay_days": days,
        **try_context(rule, given),
    }


def try_context(rule: Rule | None, given: QueryDict) -> dict[str, Any]:
    """What the condition says of the latest studies, and of tags that were typed.

    Args:
        rule: the saved rule that is being edited, for its place in the order.
        given: `expression`, `level`, `find` (a search), `tags`, `nodes`.
    """
    expression = given.get("expression", "")
    tree = services.check(expression).tree if expression.strip() else None
    context: dict[str, Any] = {"find": given.get("find", ""), "tags": given.get("tags", "")}
    if tree is None:
        return {**context, "tried": None, "wrong": bool(expression.strip())}
    level = given.get("level") if given.get("level") in Level.values else Level.STUDY
    condition = compile_condition(tree)
    studies, problems = tryout.latest(context["find"])
    tried = list(tryout.on_studies(condition, str(level), studies))
    results = [each.decision.result for each in tried]
    context |= {
        "tried": tried,
        "problems": problems,
        "counts": {name: results.count(name) for name in ("match", "no_match", "undecided")},
        "shadow": ordering.taken_by(rule, tree, given.getlist("nodes")),
    }
    if context["tags"].strip():
        try:
            tags = tryout.tags_of(context["tags"])
            context["by_hand"] = tryout.on_tags(condition, str(level), tags)
        except tryout.TagsProblem as error:
            context["tags_problem"] = str(error)
    return context


@viewer_required
@require_POST
def rule_try(request: SignedInRequest) -> HttpResponse:
    """The panel beside the editor, anew."""
    ident = request.POST.get("rule", "")
    rule = Rule.objects.filter(pk=ident).first() if ident.isdecimal() else None
    return render(request, "rules/try_part.html", try_context(rule, request.POST))


@csrf_exempt
def rule_file(request: HttpRequest) -> HttpResponse:
    """Read the tags of a DICOM file. Only its first megabyte is looked at, in memory, and nothing of it is kept."""
    # Before anything reads the body, as Django asks; the check against forged requests does that, so it comes after.
    request.upload_handlers = [dicom_file.HeadUploadHandler(request)]
    response: HttpResponse = _rule_file(request)
    return response


@viewer_required
@csrf_protect
@require_POST
def _rule_file(request: SignedInRequest) -> HttpResponse:
    wants_json = not request.accepts("text/html")
    request.FILES  # noqa: B018 - reads the body, and so feeds the handler
    handler = request.upload_handlers[0]
    head = bytes(handler.head) if isinstance(handler, dicom_file.HeadUploadHandler) else b""
    try:
        found = dicom_file.read(head, site_tags.addresses())
    except dicom_file.NoDicom as error:
        answer = {"problem": str(error), "tags": "", "note": ""}
    else:
        answer = {"problem": "", "tags": tryout.as_lines(found.tags), "note": _note(found)}
    if wants_json:
        return JsonResponse(answer)
    return render(request, "rules/file.html", answer)


def _note(found: dicom_file.FileTags) -> str:
    if found.unreadable:
        return _(
            "%(n)d tags were read; %(bad)d values are not as DICOM wants them and were left out."
        ) % {
            "n": len(found.tags),
            "bad": found.unreadable,
        }
    return _("%(n)d tags were read. The file was not stored.") % {"n": len(found.tags)}
