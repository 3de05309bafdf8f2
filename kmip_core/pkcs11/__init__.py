"""PKCS#11 functions over managed objects, carried by the operation PKCS#11. KMIP 2.1 §6.1.37, §7.26 - 7.30."""
