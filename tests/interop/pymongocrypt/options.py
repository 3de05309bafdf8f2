kms_providers = {"kmip": {"endpoint": "kms.example:5696"}}
kms_tls_options = {"kmip": {"tlsCAFile": "/etc/kmip/ca.crt", "tlsCertificateKeyFile": "/etc/kmip/client.pem"}}
master_key = {}  # or {"delegated": True}: the key then never leaves the server
