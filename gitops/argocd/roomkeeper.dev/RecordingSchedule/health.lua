-- By kstatus's rules, as Flux and kubectl wait: Stalled means that somebody must act, Reconciling that it is not through.
-- A Recording that is Armed or runs is Healthy, as is what is suspended: neither holds up a sync wave.
local hs = { status = "Progressing", message = "Waiting for Roomkeeper" }

local status = obj.status
if status == nil or status.conditions == nil then
  return hs
end
if status.observedGeneration ~= obj.metadata.generation then
  hs.message = "Waiting for Roomkeeper to see the last change"
  return hs
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end

local function is_true(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "True"
end

local said = conditions["Ready"]
if is_true("Ready") and is_true("Suspended") then
  said = conditions["Suspended"]
end
if said ~= nil then
  hs.message = said.reason .. ": " .. said.message
end
if is_true("Reconciling") then
  return hs
end
if is_true("Stalled") then
  hs.status = "Degraded"
elseif is_true("Ready") then
  hs.status = "Healthy"
end
return hs
