{{- define "hub.labels" -}}
app.kubernetes.io/name: orchard-hub
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* hub.toml: what is set, as TOML writes it. */}}
{{- define "hub.toml" -}}
url = {{ .Values.url | quote }}
{{- range $name, $value := .Values.settings }}
{{ $name }} = {{ toJson $value }}
{{- end }}
{{- end }}

{{- define "hub.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* What the hub and its migration have in common. */}}
{{- define "hub.container" -}}
image: {{ include "hub.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  - { name: ORCHARD_HUB_SETTINGS, value: /etc/orchard/hub.toml }
  - name: ORCHARD_HUB_DATABASE
    valueFrom: { secretKeyRef: { name: {{ .Values.existingSecret }}, key: database } }
  - name: ORCHARD_HUB_SECRET_KEY
    valueFrom: { secretKeyRef: { name: {{ .Values.existingSecret }}, key: secret-key } }
  - name: ORCHARD_HUB_ADMIN_PASSWORD
    valueFrom: { secretKeyRef: { name: {{ .Values.existingSecret }}, key: admin-password } }
  - name: AWS_ACCESS_KEY_ID
    valueFrom: { secretKeyRef: { name: {{ .Values.existingSecret }}, key: access-key-id, optional: true } }
  - name: AWS_SECRET_ACCESS_KEY
    valueFrom: { secretKeyRef: { name: {{ .Values.existingSecret }}, key: secret-access-key, optional: true } }
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
volumeMounts:
  - { name: settings, mountPath: /etc/orchard, readOnly: true }
  - { name: data, mountPath: /data }
  - { name: tmp, mountPath: /tmp }
{{- end }}
