{{- /* Generated from operator/roomkeeper/localstack/rbac.yaml by `make generate`. */}}
{{- define "roomkeeper.rules.namespace" -}}
- apiGroups: [roomkeeper.dev]
  resources: [livekitservers, rooms]
  verbs: [list, watch, patch]
- apiGroups: [roomkeeper.dev]
  resources: [recordings]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [roomkeeper.dev]
  resources: [recordingstorages, recordingschedules]
  verbs: [list, watch]
- apiGroups: [roomkeeper.dev]
  resources: [livekitservers/status, recordingstorages/status, rooms/status, recordings/status, recordingschedules/status]
  verbs: [patch]
- apiGroups: ['']
  resources: [secrets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
{{- define "roomkeeper.rules.cluster" -}}
- apiGroups: ['']
  resources: [namespaces]
  verbs: [list, watch]
{{- end }}
{{- define "roomkeeper.rules.lease" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [get, create, update]
{{- end }}
{{- define "roomkeeper.rules.tokens" -}}
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
- apiGroups: [authorization.k8s.io]
  resources: [subjectaccessreviews]
  verbs: [create]
{{- end }}
