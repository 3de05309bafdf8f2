{{- define "kmipd.name" -}}
{{- printf "%s" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "kmipd.labels" -}}
app.kubernetes.io/name: kmipd
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "kmipd.pod" -}}
metadata:
  labels:
    {{- include "kmipd.labels" . | nindent 4 }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 30
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: kmipd
      image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: ["serve"]
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: ["ALL"]
      env:
        - name: KMIPD_HOSTNAME
          value: "0.0.0.0"
        - name: KMIPD_DATA_DIR
          value: /data
        - name: KMIPD_ADMIN_ADDRESS
          value: "0.0.0.0:9696"
        - name: KMIPD_LOG_FORMAT
          value: json
        - name: KMIPD_LOG_TARGET
          value: stdout
        - name: KMIPD_CERTIFICATE_NAMES
          value: {{ concat (list (include "kmipd.name" .) (printf "%s.%s.svc" (include "kmipd.name" .) .Release.Namespace)) .Values.certificateNames | join "," | quote }}
        {{- if .Values.database.url }}
        - name: KMIPD_DATABASE
          value: {{ .Values.database.url | quote }}
        {{- if .Values.database.passwordSecret }}
        - name: KMIPD_DATABASE_PASSWORD_FILE
          value: /secrets/database/password
        {{- end }}
        {{- end }}
        {{- if .Values.rootKeySecret }}
        - name: KMIPD_ROOT_KEY_PASSPHRASE_FILE
          value: /secrets/root/passphrase
        {{- end }}
        {{- if .Values.tlsSecret }}
        - name: KMIPD_CERTIFICATE_PATH
          value: /secrets/tls/tls.crt
        - name: KMIPD_KEY_PATH
          value: /secrets/tls/tls.key
        - name: KMIPD_CA_PATH
          value: /secrets/tls/ca.crt
        {{- end }}
        {{- range $name, $value := .Values.settings }}
        - name: KMIPD_{{ $name | upper }}
          value: {{ $value | toString | quote }}
        {{- end }}
      ports:
        - name: kmip
          containerPort: 5696
        - name: admin
          containerPort: 9696
      startupProbe:
        httpGet: {path: /readyz, port: admin}
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /livez, port: admin}
        periodSeconds: 10
        timeoutSeconds: 5
      readinessProbe:
        httpGet: {path: /readyz, port: admin}
        periodSeconds: 10
        timeoutSeconds: 10
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - name: data
          mountPath: /data
        - name: tmp
          mountPath: /tmp
        {{- if .Values.rootKeySecret }}
        - name: root
          mountPath: /secrets/root
          readOnly: true
        {{- end }}
        {{- if .Values.database.passwordSecret }}
        - name: database
          mountPath: /secrets/database
          readOnly: true
        {{- end }}
        {{- if .Values.tlsSecret }}
        - name: tls
          mountPath: /secrets/tls
          readOnly: true
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {medium: Memory}
    {{- if .Values.database.url }}
    - name: data
      emptyDir: {}
    {{- end }}
    {{- if .Values.rootKeySecret }}
    - name: root
      secret:
        secretName: {{ .Values.rootKeySecret }}
        defaultMode: 0440
    {{- end }}
    {{- if .Values.database.passwordSecret }}
    - name: database
      secret:
        secretName: {{ .Values.database.passwordSecret }}
        defaultMode: 0440
    {{- end }}
    {{- if .Values.tlsSecret }}
    - name: tls
      secret:
        secretName: {{ .Values.tlsSecret }}
        defaultMode: 0440
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
