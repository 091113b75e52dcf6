from purge.models.policy import PurgePolicy
from purge.models.run import PurgedStudy, PurgeRun
from purge.models.settings import PurgeSettings, SchedulerBeat

__all__ = ["PurgePolicy", "PurgeRun", "PurgeSettings", "PurgedStudy", "SchedulerBeat"]
