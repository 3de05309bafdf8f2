"""KMIP messages of any origin, made readable: for people who write or debug a client or a server.

sources     a file of any kind -> messages: pcap, tap, hexadecimal, base64, TTLV, XML, JSON
pcap        packet captures -> the bytes of each TCP connection
lenient     TTLV with mistakes -> items, and a violation for each mistake
violations  what a message says against the standard, with the section
redaction   items without their secrets
tap         the file of `kmipd serve --tap`
"""
