{{- define "roomkeeper.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* 52 characters: the longest suffix that follows is 11 long, and a name may become a label's value. */}}
{{- define "roomkeeper.fullname" -}}
{{- $name := include "roomkeeper.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "roomkeeper.selectorLabels" -}}
app.kubernetes.io/name: {{ include "roomkeeper.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "roomkeeper.ownLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "roomkeeper.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: roomkeeper
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "roomkeeper.labels" -}}
{{- include "roomkeeper.labelsAnd" (list . dict) }}
{{- end }}

{{- /* The chart's own labels come first: its selectors go by them. */}}
{{- define "roomkeeper.labelsAnd" -}}
{{- $root := index . 0 }}
{{- merge (include "roomkeeper.ownLabels" $root | fromYaml) (index . 1) $root.Values.commonLabels | toYaml }}
{{- end }}

{{- define "roomkeeper.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "roomkeeper.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "roomkeeper.image" -}}
{{- with .Values.image }}
{{- $tag := .tag | default (ternary "" $.Chart.AppVersion (ne .digest "")) }}
{{- .repository }}{{ with $tag }}:{{ . }}{{ end }}{{ with .digest }}@{{ . }}{{ end }}
{{- end }}
{{- end }}

{{- /* The one path that may be reached from outside: metrics and probes are nobody's business. */}}
{{- define "roomkeeper.webhookPath" -}}
/livekit/webhook
{{- end }}

{{- define "roomkeeper.subjects" -}}
subjects:
- kind: ServiceAccount
  name: {{ include "roomkeeper.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
