"""Addresses of the pages of purging."""

from __future__ import annotations

from django.urls import URLPattern, path

from purge import run_views, views

urlpatterns: list[URLPattern] = [
    path("policies/", views.policies, name="policies"),
    path("policies/new/", views.policy_create, name="policy-create"),
    path("policies/<int:pk>/", views.policy, name="policy"),
    path("policies/<int:pk>/edit/", views.policy_edit, name="policy-edit"),
    path("policies/<int:pk>/delete/", views.policy_delete, name="policy-delete"),
    path("policies/<int:pk>/enforcement/", views.policy_enforcement, name="policy-enforcement"),
    path("policies/<int:pk>/preview/", views.policy_preview, name="policy-preview"),
    path("policies/<int:pk>/run/", views.policy_run, name="policy-run"),
    path("policies/go-on/", views.purge_go_on, name="purge-go-on"),
    path("settings/", views.purge_settings, name="purge-settings"),
    path("studies/", run_views.purged_studies, name="purged-studies"),
    path("runs/", run_views.purges, name="purges"),
    path("runs/<uuid:pk>/", run_views.purge, name="purge"),
    path("runs/<uuid:pk>/cancel/", run_views.purge_cancel, name="purge-cancel"),
    path("runs/<uuid:pk>/approve/", run_views.purge_approve, name="purge-approve"),
    path("runs/<uuid:pk>/keep/", run_views.purge_keep, name="purge-keep"),
]
