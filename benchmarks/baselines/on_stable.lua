-- The simplest autorouting: a permissive job for each stable study.
local url = GetOrthancConfiguration()["Baseline"]["Url"]

function OnStableStudy(study)
   local job = { Resources = { study }, Synchronous = false, Permissive = true }
   RestApiPost(url, DumpJson(job, true))
end
