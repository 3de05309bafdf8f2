curl --fail-with-body --silent --show-error --cacert ca.crt --cert client.crt --key client.key \
     -H 'Content-Type: application/json' --data-binary @request.json https://kms.example:5697/kmip
