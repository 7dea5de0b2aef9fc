{{- define "sigward.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "sigward.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "sigward.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "sigward.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sigward.selector" -}}
app.kubernetes.io/name: {{ include "sigward.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: webhook
{{- end -}}

{{- define "sigward.labels" -}}
{{ include "sigward.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: sigward
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* "metadata:" up to the annotations; takes (dict "root" $ "name" "…" "annotations" {…}). */}}
{{- define "sigward.clusterMetadata" -}}
name: {{ .name }}
labels: {{- include "sigward.labels" .root | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "sigward.metadata" -}}
{{ include "sigward.clusterMetadata" . }}
namespace: {{ .root.Release.Namespace }}
{{- end -}}

{{- define "sigward.serviceAccount" -}}
{{- if .Values.webhook.serviceAccount.create -}}
{{- .Values.webhook.serviceAccount.name | default (printf "%s-webhook" (include "sigward.fullname" .)) -}}
{{- else -}}
{{- required "webhook.serviceAccount.name is needed when webhook.serviceAccount.create is false" .Values.webhook.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "sigward.image" -}}
{{- $version := .Values.webhook.image.version | default .Chart.AppVersion -}}
{{- .Values.webhook.image.repository -}}{{- if hasPrefix "sha256:" $version }}@{{ else }}:{{ end -}}{{- $version -}}
{{- end -}}

{{- define "sigward.priorityClass" -}}
{{- if .Values.webhook.priorityClass -}}
{{- .Values.webhook.priorityClass -}}
{{- else if .Values.priorityClass.create -}}
{{- include "sigward.fullname" . -}}
{{- end -}}
{{- end -}}

{{/* The Secret with a certificate that was given from outside; nothing when the controller makes its own. */}}
{{- define "sigward.certificateSecret" -}}
{{- if eq .Values.certificate.source "secret" -}}
{{- required "certificate.secretName is needed when certificate.source is \"secret\"" .Values.certificate.secretName -}}
{{- else if eq .Values.certificate.source "certManager" -}}
{{- .Values.certificate.secretName | default (printf "%s-webhook-tls" (include "sigward.fullname" .)) -}}
{{- else if ne .Values.certificate.source "self" -}}
{{- fail (printf "certificate.source: expected self, certManager or secret, found %q" .Values.certificate.source) -}}
{{- end -}}
{{- end -}}

{{- define "sigward.webhookAnnotations" -}}
{{- if eq .Values.certificate.source "certManager" -}}
cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/{{ include "sigward.certificateSecret" . }}
{{- end -}}
{{- end -}}

{{/* Takes (dict "root" $ "path" "/…"). caBundle stays away when others set it: an upgrade then leaves it alone. */}}
{{- define "sigward.clientConfig" -}}
clientConfig:
  service:
    name: {{ .root.Values.webhook.name }}
    namespace: {{ .root.Release.Namespace }}
    path: {{ .path }}
    port: {{ .root.Values.webhook.service.port }}
  {{- if eq .root.Values.certificate.source "secret" }}
  caBundle: {{ required "certificate.caBundle is needed when certificate.source is \"secret\"" .root.Values.certificate.caBundle | b64enc }}
  {{- end }}
{{- end -}}

{{- define "sigward.namespaceSelector" -}}
namespaceSelector:
  matchExpressions:
    {{- with .Values.webhook.namespaceSelector.matchExpressions }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values: [{{ .Release.Namespace }}]
  {{- with .Values.webhook.namespaceSelector.matchLabels }}
  matchLabels: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "sigward.workloadRules" -}}
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [pods, pods/ephemeralcontainers]
    scope: Namespaced
  - apiGroups: [apps]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [daemonsets, deployments, replicasets, statefulsets]
    scope: Namespaced
  - apiGroups: [batch]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [cronjobs, jobs]
    scope: Namespaced
{{- end -}}

{{- define "sigward.policyRules" -}}
rules:
  - apiGroups: [policy.sigstore.dev]
    apiVersions: [v1alpha1, v1beta1]
    operations: [CREATE, UPDATE]
    resources: [clusterimagepolicies]
    scope: Cluster
  - apiGroups: [policy.sigstore.dev]
    apiVersions: [v1alpha1]
    operations: [CREATE, UPDATE]
    resources: [trustroots]
    scope: Cluster
{{- end -}}
