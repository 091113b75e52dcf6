"""Addresses of the HTML pages."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, include, path

from intercept.views import moves, webhooks
from intercept.views import targets as webhook_targets
from orthanc_console.accounts import views as accounts
from orthanc_console.audit import views as audit
from orthanc_console.dashboard import views as dashboard
from orthanc_console.keeping import views as keeping
from orthanc_console.nodes import views as nodes
from routing.views import acts, deliveries, destinations, lanes, rules, studies

urlpatterns: list[URLPattern | URLResolver] = [
    path("", dashboard.overview, name="overview"),
    path("search/", dashboard.search, name="search"),
    path("login/", accounts.login, name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("account/", accounts.account, name="account"),
    path("account/password/", accounts.own_password, name="own-password"),
    path("account/tokens/", accounts.tokens, name="tokens"),
    path("account/tokens/<int:pk>/revoke/", accounts.token_revoke, name="token-revoke"),
    path("studies/", studies.studies, name="studies"),
    path("studies/<int:pk>/", studies.study, name="study"),
    path("studies/<int:pk>/send/", studies.study_send, name="study-send"),
    path("studies/chosen/", studies.studies_chosen, name="studies-chosen"),
    path("studies/all/", studies.studies_all, name="studies-all"),
    path("acts/<uuid:pk>/", acts.act, name="act"),
    path("lanes/", lanes.lanes, name="lanes"),
    path("deliveries/", deliveries.deliveries, name="deliveries"),
    path("deliveries/chosen/", deliveries.deliveries_chosen, name="deliveries-chosen"),
    path("deliveries/all/<slug:act>/", deliveries.deliveries_all, name="deliveries-all"),
    path("deliveries/<uuid:pk>/", deliveries.delivery, name="delivery"),
    path("destinations/", destinations.destinations, name="destinations"),
    path("destinations/new/", destinations.destination_create, name="destination-create"),
    path("destinations/<int:pk>/", destinations.destination, name="destination"),
    path("destinations/<int:pk>/edit/", destinations.destination_edit, name="destination-edit"),
    path(
        "destinations/<int:pk>/delete/", destinations.destination_delete, name="destination-delete"
    ),
    path("destinations/<int:pk>/pause/", destinations.destination_pause, name="destination-pause"),
    path(
        "destinations/<int:pk>/resume/", destinations.destination_resume, name="destination-resume"
    ),
    path("destinations/<int:pk>/drain/", lanes.destination_drain, name="destination-drain"),
    path("destinations/<int:pk>/echo/", destinations.destination_echo, name="destination-echo"),
    path("rules/", rules.rules, name="rules"),
    path("rules/new/", rules.rule_create, name="rule-create"),
    path("rules/check/", rules.rule_check, name="rule-check"),
    path("rules/everything/", rules.rule_everything, name="rule-everything"),
    path("rules/<int:pk>/", rules.rule, name="rule"),
    path("rules/<int:pk>/edit/", rules.rule_edit, name="rule-edit"),
    path("rules/<int:pk>/delete/", rules.rule_delete, name="rule-delete"),
    path("rules/<int:pk>/move/", rules.rule_move, name="rule-move"),
    path("rules/<int:pk>/enforcement/", rules.rule_enforcement, name="rule-enforcement"),
    path("rules/", include("routing.rule_urls")),
    path("moves/", moves.moves, name="moves"),
    path("moves/export/", moves.moves_export, name="moves-export"),
    path("moves/<uuid:pk>/", moves.move, name="move"),
    path("webhooks/", webhooks.webhooks, name="webhook-deliveries"),
    path("webhooks/chosen/", webhooks.webhooks_chosen, name="webhook-deliveries-chosen"),
    path("webhooks/all/", webhooks.webhooks_all, name="webhook-deliveries-all"),
    path("webhooks/<uuid:pk>/", webhooks.webhook, name="webhook-delivery"),
    path("webhook-targets/", webhook_targets.targets, name="webhook-targets"),
    path("webhook-targets/new/", webhook_targets.target_create, name="webhook-target-create"),
    path("webhook-targets/check/", webhook_targets.target_check, name="webhook-target-check"),
    path("webhook-targets/<int:pk>/", webhook_targets.target, name="webhook-target"),
    path("webhook-targets/<int:pk>/edit/", webhook_targets.target_edit, name="webhook-target-edit"),
    path("webhook-targets/<int:pk>/test/", webhook_targets.target_test, name="webhook-target-test"),
    path(
        "webhook-targets/<int:pk>/enforcement/",
        webhook_targets.target_enforcement,
        name="webhook-target-enforcement",
    ),
    path(
        "webhook-targets/<int:pk>/secret/",
        webhook_targets.target_secret,
        name="webhook-target-secret",
    ),
    path(
        "webhook-targets/<int:pk>/delete/",
        webhook_targets.target_delete,
        name="webhook-target-delete",
    ),
    path("nodes/", nodes.nodes, name="nodes"),
    path("nodes/new/", nodes.node_create, name="node-create"),
    path("nodes/<int:pk>/", nodes.node, name="node"),
    path("nodes/<int:pk>/state/", nodes.node_state, name="node-state"),
    path("nodes/<int:pk>/edit/", nodes.node_edit, name="node-edit"),
    path("nodes/<int:pk>/token/", nodes.node_token, name="node-token"),
    path("nodes/<int:pk>/revoke/", nodes.node_revoke, name="node-revoke"),
    path("nodes/<int:pk>/delete/", nodes.node_delete, name="node-delete"),
    path("users/", accounts.users, name="users"),
    path("users/new/", accounts.user_create, name="user-create"),
    path("users/<int:pk>/", accounts.user_edit, name="user-edit"),
    path("users/<int:pk>/password/", accounts.user_password, name="user-password"),
    path("purge/", include("purge.urls")),
    path("audit/", audit.audit, name="audit"),
    path("retention/", keeping.retention_settings, name="retention"),
]
