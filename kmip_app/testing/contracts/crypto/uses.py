"""Short forms for tests of the crypto port: an encryption, digest or code whose data is all there."""

from kmip_core.one_part import OnePart
from kmip_core.ports.crypto import Encryption


def encrypt(crypto, key, parameters, data, **more):
    return OnePart(crypto).encrypt(Encryption(key, parameters, **more), data)


def decrypt(crypto, key, parameters, data, **more):
    return OnePart(crypto).decrypt(Encryption(key, parameters, **more), data)


def begin_encrypt(crypto, key, parameters, **more):
    return crypto.begin_encrypt(Encryption(key, parameters, **more))


def begin_decrypt(crypto, key, parameters, **more):
    return crypto.begin_decrypt(Encryption(key, parameters, **more))


def mac(crypto, key, parameters, data):
    return OnePart(crypto).mac(key, parameters, data)


def verify_mac(crypto, key, parameters, data, code):
    return OnePart(crypto).verify_mac(key, parameters, data, code)


def hash_of(crypto, algorithm, data):
    return OnePart(crypto).hash(algorithm, data)
