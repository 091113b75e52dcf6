-- The simplest autorouting: permissive jobs for each stable study.
local urls = GetOrthancConfiguration()["Baseline"]["Urls"]

function OnStableStudy(study)
   local job = { Resources = { study }, Synchronous = false, Permissive = true }
   for _, url in pairs(urls) do
      RestApiPost(url, DumpJson(job, true))
   end
end
