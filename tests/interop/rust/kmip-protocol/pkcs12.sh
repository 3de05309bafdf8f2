openssl pkcs12 -export -in client.crt -inkey client.key -out client.p12 -passout pass:
