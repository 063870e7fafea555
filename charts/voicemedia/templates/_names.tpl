{{/* Names, labels and images that several templates share. */}}

{{- define "voicemedia.operator" -}}
{{ .Release.Name }}-operator
{{- end }}

{{/* Of objects that belong to no namespace: releases of one name may be in several. */}}
{{- define "voicemedia.clusterName" -}}
{{ .Release.Namespace }}-{{ include "voicemedia.operator" . }}
{{- end }}

{{- define "voicemedia.selector" -}}
app.kubernetes.io/name: voicemedia-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "voicemedia.chartLabels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: voicemedia
{{- end }}

{{- define "voicemedia.labels" -}}
{{ include "voicemedia.selector" . }}
{{ include "voicemedia.chartLabels" . }}
{{- end }}

{{- define "voicemedia.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "voicemedia.operator" .) }}
{{- else -}}
{{ required "serviceAccount.name must be said where serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end -}}
{{- end }}

{{/* Takes a dictionary: image and the chart's version. */}}
{{- define "voicemedia.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .version }}
{{- end -}}
{{- end }}

{{- define "voicemedia.mediaImage" -}}
{{ include "voicemedia.image" (dict "image" .Values.media.image "version" .Chart.AppVersion) }}
{{- end }}

{{/* Namespaces that are watched, with commas between; empty for all. */}}
{{- define "voicemedia.namespaces" -}}
{{- if .Values.watch.allNamespaces -}}
{{- if .Values.watch.namespaces -}}
{{ fail "watch.allNamespaces and watch.namespaces exclude each other" }}
{{- end -}}
{{- else -}}
{{ .Values.watch.namespaces | default (list .Release.Namespace) | join "," }}
{{- end -}}
{{- end }}

{{/* Where a resource of the chart is looked after: the release's namespace, else the first one. */}}
{{- define "voicemedia.fleetNamespace" -}}
{{- $watched := include "voicemedia.namespaces" . | splitList "," -}}
{{- if or .Values.watch.allNamespaces (has .Release.Namespace $watched) -}}
{{ .Release.Namespace }}
{{- else -}}
{{ first $watched }}
{{- end -}}
{{- end }}

{{/* Of the fleet that `helm test` makes; names of resources have at most 40 characters. */}}
{{- define "voicemedia.testName" -}}
{{ .Release.Name | trunc 35 | trimSuffix "-" }}-test
{{- end }}
