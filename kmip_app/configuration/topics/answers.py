"""How requests are answered: versions, cryptography, what the standard leaves to the server."""

from collections.abc import Mapping
from typing import Final

from kmip_app.configuration import setting_types
from kmip_app.configuration.config import CRYPTO, TokenKeys
from kmip_app.configuration.extensions import EXTENSIONS
from kmip_app.configuration.secret_places import SECRET
from kmip_app.configuration.setting import Setting, native
from kmip_app.configuration.setting_kinds import (
    IDENTITIES,
    OBJECT_GROUPS,
    POLICY_NAMES,
)
from kmip_app.configuration.setting_types import (
    BOOLEAN,
    EXISTING_FILE,
)
from kmip_app.configuration.versions import PROTOCOL_VERSIONS
from kmip_core.settings import ForeignObjects, GroupDefault, OneTimePads, Profile, RNGSeedMode

ANSWERS: Final[Mapping[str, tuple[Setting, ...]]] = {
    "How it answers": (
        native(
            "versions",
            PROTOCOL_VERSIONS,
            "Which protocol versions are spoken. 3.0 is a draft (CSD02) and may change before it is a standard.",
        ),
        native(
            "crypto",
            setting_types.one_of(CRYPTO),
            "Where keys live and work: in this process, in a PKCS#11 token, or in a stand-in for one (for tests).",
        ),
        native(
            "pkcs11_module",
            EXISTING_FILE,
            "The library of the PKCS#11 token, as its vendor has it.",
            default="none",
        ),
        native("pkcs11_token", setting_types.TEXT, "The label of the PKCS#11 token.", default="none"),
        native(
            "pkcs11_pin",
            SECRET,
            "Where the PIN of the PKCS#11 token is; read whenever the library is started.",
            default="none: asked for at a terminal",
        ),
        native(
            "token_keys",
            setting_types.member_of(TokenKeys),
            "Which new secret and private keys are kept in the token unless the request says: all, or those of chosen "
            "Object Groups and operation policies.",
        ),
        native(
            "token_groups",
            OBJECT_GROUPS,
            "Object Groups whose new secret and private keys are kept in the token.",
            "core.token_groups",
            default="none",
        ),
        native(
            "token_policies",
            POLICY_NAMES,
            "Operation policies under which new secret and private keys are kept in the token.",
            "core.token_policies",
            default="none",
        ),
        native(
            "token_sweep",
            setting_types.seconds(or_never=True),
            "How often keys of the token are looked for that a failure left there without an object.",
        ),
        native(
            "profile",
            setting_types.member_of(Profile),
            "Which cryptography is served: all of the standard, or only what is sound today.",
            "core.profile",
        ),
        native(
            "default_usage_masks",
            BOOLEAN,
            "Whether keys created without a usage mask get one instead of an error.",
            "core.default_usage_masks",
        ),
        native(
            "process_after_deactivation",
            BOOLEAN,
            "Whether Deactivated and Compromised keys may still decrypt, verify and unwrap.",
            "core.process_after_deactivation",
        ),
        native(
            "usage_counters",
            BOOLEAN,
            "Whether keys and certificates count their uses in the Counters of KMIP 3.0 (Encrypt Counter and its like);"
            " each use is then a change that is committed, which takes longer.",
            "core.usage_counters",
        ),
        native(
            "wrapped_key_structure",
            BOOLEAN,
            "Whether wrapped keys leave inside a Key Value structure, which PyKMIP's client needs, instead of in its"
            " place, as the standard has it.",
            "core.wrapped_key_structure",
        ),
        native(
            "pykmip_compatible",
            BOOLEAN,
            "Whether PyKMIP's client, and programs written for its server, get what they need where the standard leaves"
            " it open.",
            "core.pykmip_compatible",
            default="True for PyKMIP's server.conf, KmipServer and kmipd-pykmip-server; else False",
        ),
        native(
            "unique_names", BOOLEAN, "Whether two objects of one owner must have different names.", "core.unique_names"
        ),
        native(
            "foreign_objects",
            setting_types.member_of(ForeignObjects),
            "How an object looks to a client without any grant on it: hidden as if it were not there, or refused with"
            " Permission Denied.",
            "core.foreign_objects",
        ),
        native(
            "one_time_pads",
            setting_types.member_of(OneTimePads),
            "Whether keys and secrets of the algorithm One Time Pad are given out by Get and Export, or kept: refused"
            " with Permission Denied, wrapped too.",
            "core.one_time_pads",
        ),
        native(
            "group_default",
            setting_types.member_of(GroupDefault),
            "Which member of an object group Locate answers for Group Member Default: the newest, or round_robin, the"
            " one after the member that Get served last.",
            "core.group_default",
        ),
        native(
            "administrators",
            IDENTITIES,
            "Identities that may set constraints and defaults for everybody's new objects.",
            "core.administrators",
            default="none",
        ),
        native(
            "extensions",
            EXTENSIONS,
            "Vendor tags that clients put into custom attributes; Query tells them.",
            "core.extensions",
            default="none",
        ),
        native(
            "server_information",
            BOOLEAN,
            "Whether Query tells KMIP 2.x clients the product's name and version.",
        ),
        native("interop", BOOLEAN, "Offer the Interop operation, for conformance tests.", "core.interop"),
        native(
            "certificate_authority",
            setting_types.TEXT_OR_NONE,
            "Subject of the authority that Certify makes for an owner who names no issuer.",
            "core.certificate_authority",
        ),
        native("rng_seed", setting_types.member_of(RNGSeedMode), "How RNG Seed is answered.", "core.rng_seed"),
        native(
            "check_time_stamp",
            BOOLEAN,
            "Whether requests with a time stamp far from the server's clock are refused.",
            "core.check_time_stamp",
        ),
        native(
            "time_stamp_tolerance",
            setting_types.whole(0, unit="seconds"),
            "How far a request's time stamp may be from the clock.",
            "core.time_stamp_tolerance",
        ),
        native("lease_time", setting_types.whole(0, unit="seconds"), "What Obtain Lease grants.", "core.lease_time"),
        native(
            "asynchronous_after",
            setting_types.whole(0, unit="milliseconds"),
            "How long work that takes long, such as making an RSA key, is waited for where the client also takes the "
            "answer by Poll.",
            "core.asynchronous_after",
        ),
        native(
            "asynchronous_delay",
            setting_types.whole(0, unit="seconds"),
            "How long an operation that is answered later can be canceled before it begins; Poll and Process begin it.",
            "core.asynchronous_delay",
        ),
        native(
            "asynchronous_lifetime",
            setting_types.whole(1, unit="seconds"),
            "How long such an operation, or its outcome, is kept for a client that does not ask for it.",
            "core.asynchronous_lifetime",
        ),
    ),
}
"""Settings by their headings."""
