{
    printf 'POST /kmip HTTP/1.1\r\nHost: kms.example\r\nConnection: close\r\n'
    printf 'Content-Type: text/xml\r\nContent-Length: %s\r\n\r\n' "$(wc -c < request.xml)"
    cat request.xml
} | openssl s_client -quiet -verify_return_error -CAfile ca.crt -cert client.crt -key client.key \
                     -connect kms.example:5697
