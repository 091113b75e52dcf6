-- Makes a destination tell each instance that it is given, and drop some although it reports success.
local options = GetOrthancConfiguration()["Receiver"]
local received = 0

function ReceivedInstanceFilter(instance, origin)
   received = received + 1
   if options["DropEvery"] > 0 and received % options["DropEvery"] == 0 then
      return false
   end
   print("received " .. instance["SOPInstanceUID"])
   return true
end
