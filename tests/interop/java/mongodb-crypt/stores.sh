openssl pkcs12 -export -in client.crt -inkey client.key -out client.p12 -passout pass:changeit
keytool -importcert -noprompt -alias kmip -file ca.crt -keystore ca.p12 -storetype PKCS12 -storepass changeit
