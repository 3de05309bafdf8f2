from cyphera_kmip import KmipClient

client = KmipClient(
    host="kms.example",
    port=5696,
    client_cert="/etc/kmip/client.crt",
    client_key="/etc/kmip/client.key",
    ca_cert="/etc/kmip/ca.crt",
)
