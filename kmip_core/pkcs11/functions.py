"""The functions of PKCS#11 that this server has: a table."""

from collections.abc import Callable
from typing import Final

from kmip_core.classes import frozen
from kmip_core.enums import PKCS11Function
from kmip_core.operation import Cost
from kmip_core.pkcs11 import data, keys, objects, sessions
from kmip_core.pkcs11.calls import Call
from kmip_core.pkcs11_sessions import Use

_F = PKCS11Function


@frozen
class Function:
    """One function.  perform: returns the output parameters, or None without any.  cost: what decides its pace."""

    perform: Callable[[Call], bytes | None]
    cost: Cost = Cost.READS


FUNCTIONS: Final = {
    _F.C_GETINFO: Function(sessions.get_info),
    _F.C_GETSLOTLIST: Function(sessions.get_slot_list),
    _F.C_GETSLOTINFO: Function(sessions.get_slot_info),
    _F.C_GETTOKENINFO: Function(sessions.get_token_info),
    _F.C_GETMECHANISMLIST: Function(sessions.get_mechanism_list),
    _F.C_GETMECHANISMINFO: Function(sessions.get_mechanism_info),
    _F.C_OPENSESSION: Function(sessions.open_session),
    _F.C_CLOSESESSION: Function(sessions.close_session),
    _F.C_CLOSEALLSESSIONS: Function(sessions.close_all_sessions),
    _F.C_GETSESSIONINFO: Function(sessions.get_session_info),
    _F.C_LOGIN: Function(sessions.login),
    _F.C_LOGOUT: Function(sessions.logout),
    _F.C_CREATEOBJECT: Function(objects.create_object, Cost.WORKS),
    _F.C_DESTROYOBJECT: Function(objects.destroy_object, Cost.CHANGES),
    _F.C_GETATTRIBUTEVALUE: Function(objects.get_attribute_value, Cost.WORKS),
    _F.C_SETATTRIBUTEVALUE: Function(objects.set_attribute_value, Cost.CHANGES),
    _F.C_FINDOBJECTSINIT: Function(objects.find_objects_init, Cost.WORKS),
    _F.C_FINDOBJECTS: Function(objects.find_objects),
    _F.C_FINDOBJECTSFINAL: Function(objects.find_objects_final),
    _F.C_ENCRYPTINIT: Function(data.begin(Use.ENCRYPT)),
    _F.C_ENCRYPT: Function(data.whole(Use.ENCRYPT), Cost.WORKS),
    _F.C_ENCRYPTUPDATE: Function(data.update(Use.ENCRYPT), Cost.WORKS),
    _F.C_ENCRYPTFINAL: Function(data.final(Use.ENCRYPT), Cost.WORKS),
    _F.C_DECRYPTINIT: Function(data.begin(Use.DECRYPT)),
    _F.C_DECRYPT: Function(data.whole(Use.DECRYPT), Cost.COMPUTES),
    _F.C_DECRYPTUPDATE: Function(data.update(Use.DECRYPT), Cost.WORKS),
    _F.C_DECRYPTFINAL: Function(data.final(Use.DECRYPT), Cost.WORKS),
    _F.C_DIGESTINIT: Function(data.begin(Use.DIGEST)),
    _F.C_DIGEST: Function(data.whole(Use.DIGEST), Cost.WORKS),
    _F.C_DIGESTUPDATE: Function(data.absorb(Use.DIGEST), Cost.WORKS),
    _F.C_DIGESTFINAL: Function(data.final(Use.DIGEST), Cost.WORKS),
    _F.C_SIGNINIT: Function(data.begin(Use.SIGN)),
    _F.C_SIGN: Function(data.whole(Use.SIGN), Cost.COMPUTES),
    _F.C_SIGNUPDATE: Function(data.absorb(Use.SIGN), Cost.WORKS),
    _F.C_SIGNFINAL: Function(data.final(Use.SIGN), Cost.COMPUTES),
    _F.C_VERIFYINIT: Function(data.begin(Use.VERIFY)),
    _F.C_VERIFY: Function(data.verify(data.Step.WHOLE), Cost.WORKS),
    _F.C_VERIFYUPDATE: Function(data.absorb(Use.VERIFY), Cost.WORKS),
    _F.C_VERIFYFINAL: Function(data.verify(data.Step.FINAL), Cost.WORKS),
    _F.C_GENERATEKEY: Function(keys.generate_key, Cost.WORKS),
    _F.C_GENERATEKEYPAIR: Function(keys.generate_key_pair, Cost.COMPUTES),
    _F.C_WRAPKEY: Function(keys.wrap_key, Cost.WORKS),
    _F.C_UNWRAPKEY: Function(keys.unwrap_key, Cost.WORKS),
    _F.C_DERIVEKEY: Function(keys.derive_key, Cost.COMPUTES),
    _F.C_SEEDRANDOM: Function(keys.seed_random, Cost.USES_KEYS),
    _F.C_GENERATERANDOM: Function(keys.generate_random, Cost.USES_KEYS),
}
"""What this server does; C_Initialize and C_Finalize besides, and every other function is not supported."""
