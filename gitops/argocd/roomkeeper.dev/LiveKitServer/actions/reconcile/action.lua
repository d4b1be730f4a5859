-- Any new value of the annotation asks for a look; status.lastHandledReconcileAt acknowledges it.
local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["roomkeeper.dev/reconcile-at"] = os.date("!%Y-%m-%dT%XZ")
return obj
