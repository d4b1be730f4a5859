-- A Recording that is over, or told to end, cannot be stopped.
local ended = {}
for _, state in ipairs({"Complete", "Failed", "Aborted", "LimitReached", "Stopped", "Unknown"}) do
  ended[state] = true
end
local is_over = obj.status ~= nil and obj.status.state ~= nil and ended[obj.status.state] == true

local actions = {}
actions["reconcile"] = {["disabled"] = false}
actions["stop"] = {["disabled"] = is_over or obj.spec.desiredState == "Stopped"}
return actions
