from routing.models.act import Act
from routing.models.backtest import Backtest
from routing.models.delivery import Attempt, Delivery, DeliveryRule
from routing.models.destination import Destination, Lane
from routing.models.rule import Rule, RuleRevision
from routing.models.site_tag import SiteTag
from routing.models.study import Study

__all__ = [
    "Act",
    "Attempt",
    "Backtest",
    "Delivery",
    "DeliveryRule",
    "Destination",
    "Lane",
    "Rule",
    "RuleRevision",
    "SiteTag",
    "Study",
]
