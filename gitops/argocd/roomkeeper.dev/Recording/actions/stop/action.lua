-- As `kubectl patch` does. The media stay; it does not begin again.
obj.spec.desiredState = "Stopped"
return obj
