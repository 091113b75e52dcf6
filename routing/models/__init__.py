from routing.models.delivery import Attempt, Delivery, DeliveryRule
from routing.models.destination import Destination, Lane
from routing.models.rule import Rule, RuleRevision
from routing.models.study import Study

__all__ = [
    "Attempt",
    "Delivery",
    "DeliveryRule",
    "Destination",
    "Lane",
    "Rule",
    "RuleRevision",
    "Study",
]
