{{/* What the operator may do where resources are, and nothing more. */}}
{{- define "voicemedia.rules" -}}
# The resources themselves: read, with a finalizer, and with status.
- apiGroups: [voicemedia.dev]
  resources: [voicemediaservers]
  verbs: [get, list, watch, patch]
- apiGroups: [voicemedia.dev]
  resources: [voicemediaservers/status]
  verbs: [patch]
# For owner references that block deletion, where a cluster asks for it.
- apiGroups: [voicemedia.dev]
  resources: [voicemediaservers/finalizers]
  verbs: [update]
# What is made for a resource. Server-side apply is a patch, and a create where nothing was.
- apiGroups: [""]
  resources: [pods, services, configmaps]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors, prometheusrules]
  verbs: [list, watch, create, patch, delete]
# Read by name, made once, never listed.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}
