"""Addresses of the pages around the rule editor, below `/rules/`."""

from __future__ import annotations

from django.urls import path

from routing.views import rule_backtests, rule_editor, rule_exchange, rule_history, rules, site_tags

urlpatterns = [
    path("templates/", rules.rule_templates, name="rule-templates"),
    path("export/", rule_exchange.rules_export, name="rules-export"),
    path("exchange/", rule_exchange.rule_exchange, name="rule-exchange"),
    path("tags/", site_tags.site_tags, name="site-tags"),
    path("tags/<int:pk>/delete/", site_tags.site_tag_delete, name="site-tag-delete"),
    path("try/", rule_editor.rule_try, name="rule-try"),
    path("file/", rule_editor.rule_file, name="rule-file"),
    path("backtest/", rule_backtests.rule_backtest, name="rule-backtest"),
    path("backtests/<uuid:pk>/", rule_backtests.backtest, name="backtest"),
    path("backtests/<uuid:pk>/advance/", rule_backtests.backtest_advance, name="backtest-advance"),
    path("backtests/<uuid:pk>/cancel/", rule_backtests.backtest_cancel, name="backtest-cancel"),
    path("<int:pk>/revisions/<int:number>/", rule_history.revision, name="rule-revision"),
    path("<int:pk>/revisions/<int:number>/revert/", rule_history.rule_revert, name="rule-revert"),
    path("<int:pk>/duplicate/", rule_history.rule_duplicate, name="rule-duplicate"),
]
