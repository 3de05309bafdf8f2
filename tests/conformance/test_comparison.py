"""What the comparison of responses lets pass, and what it does not."""

import textwrap
from xml.etree.ElementTree import fromstring

import pytest

from kmip_adapters.ttlv.encodings import xml
from kmip_adapters.ttlv.encodings.items import Item
from kmip_app.conformance import cases
from kmip_app.conformance.comparison import Known, compare, compare_call

STARTED_AT = 1_800_000_000


def message(kind: str, batch_item: str, header: str = "") -> Item:
    """Return a message of one batch item, read as case files are."""
    text = f"""
        <{kind}Message>
          <{kind}Header>
            <ProtocolVersion>
              <ProtocolVersionMajor type="Integer" value="1"/><ProtocolVersionMinor type="Integer" value="4"/>
            </ProtocolVersion>
            {header}
            <BatchCount type="Integer" value="1"/>
          </{kind}Header>
          <BatchItem>{batch_item}</BatchItem>
        </{kind}Message>"""
    return xml.decode(cases._with_placeholders(fromstring(textwrap.dedent(text))))


def answer(operation: str, payload: str, *, more: str = "", status: str = "Success", at: str = "$NOW") -> Item:
    return message(
        "Response",
        f"""<Operation type="Enumeration" value="{operation}"/>
            <ResultStatus type="Enumeration" value="{status}"/>{more}
            <ResponsePayload>{payload}</ResponsePayload>""",
        header=f'<TimeStamp type="DateTime" value="{at}"/>',
    )


def question(operation: str, payload: str = "") -> Item:
    return message(
        "Request",
        f'<Operation type="Enumeration" value="{operation}"/><RequestPayload>{payload}</RequestPayload>',
    )


def text(tag: str, value: str) -> str:
    return f'<{tag} type="TextString" value="{value}"/>'


def data(tag: str, value: str) -> str:
    return f'<{tag} type="ByteString" value="{value}"/>'


def attribute(name: str, kind: str, value: str) -> str:
    return f"<Attribute>{text('AttributeName', name)}<AttributeValue type='{kind}' value='{value}'/></Attribute>"


def known(**changes: object) -> Known:
    return Known(started_at=STARTED_AT, now=STARTED_AT + 1, **changes)  # type: ignore[arg-type]  # names in the tests


def told(expected: Item, actual: Item, asked: Item, so_far: Known | None = None) -> list[str]:
    return [str(found) for found in compare(expected, actual, asked, so_far or known())]


ID = text("UniqueIdentifier", "$UNIQUE_IDENTIFIER_0")
GIVEN = text("UniqueIdentifier", "41")


def test_equal_responses_have_no_difference() -> None:
    both = answer("Encrypt", GIVEN + data("Data", "0102"))

    assert told(both, both, question("Encrypt", GIVEN)) == []


def test_a_changed_value_is_reported_with_its_path() -> None:
    expected = answer("Decrypt", ID + data("Data", "0102"))
    actual = answer("Decrypt", GIVEN + data("Data", "0103"))

    assert told(expected, actual, question("Decrypt", GIVEN)) == [
        "Batch Item 1 Decrypt / Response Payload / Data: expected 0102, got 0103"
    ]


def test_a_changed_status_reason_and_operation_are_reported() -> None:
    reason = '<ResultReason type="Enumeration" value="{}"/>'
    expected = answer("Get", "", status="OperationFailed", more=reason.format("ItemNotFound"))
    actual = answer("Get", "", status="OperationFailed", more=reason.format("InvalidField"))
    other = answer("Create", "")

    assert told(expected, actual, question("Get")) == [
        "Batch Item 1 Get / Result Reason: expected ItemNotFound (0x00000001), got InvalidField (0x00000007)"
    ]
    assert len(told(expected, other, question("Get"))) == 3  # operation, status and reason


@pytest.mark.parametrize(
    ("expected", "actual", "found"),
    [
        (GIVEN + data("Data", "01"), GIVEN, "Data: expected 01, got nothing"),
        (GIVEN, GIVEN + data("Data", "01"), "Data: expected nothing, got 01"),
        (data("Data", "01"), text("Data", "01"), "Data: expected 01, got '01'"),
    ],
    ids=["missing", "extra", "another type"],
)
def test_a_changed_structure_is_reported(expected: str, actual: str, found: str) -> None:
    path = "Batch Item 1 Decrypt / Response Payload / "

    assert told(answer("Decrypt", expected), answer("Decrypt", actual), question("Decrypt")) == [path + found]


def test_a_changed_order_is_reported() -> None:
    expected = answer("Decrypt", GIVEN + data("Data", "01"))
    actual = answer("Decrypt", data("Data", "01") + GIVEN)

    assert told(expected, actual, question("Decrypt")) != []


def test_a_missing_batch_item_is_reported() -> None:
    both = answer("Get", GIVEN)
    less = both._replace(value=both.value[:-1])  # type: ignore[index]  # a structure

    assert told(both, less, question("Get")) == ["Batch Items: expected 1, got 0"]


def test_result_message_time_stamp_and_server_information_are_the_servers_own() -> None:
    expected = answer(
        "Query",
        '<VendorIdentification type="TextString" value="OASIS"/><ServerInformation/>',
        more=text("ResultMessage", "one"),
        at="2012-04-27T08:12:24+00:00",
    )
    actual = answer(
        "Query",
        text("VendorIdentification", "us") + f"<ServerInformation>{text('ServerName', 'x')}</ServerInformation>",
        at="2030-04-27T08:12:24+00:00",
    )

    assert told(expected, actual, question("Query")) == []


@pytest.mark.parametrize("operation", ["Query", "DiscoverVersions", "GetAttributeList"])
def test_open_ended_answers_may_hold_more_but_not_less(operation: str) -> None:
    some = ID + text("AttributeName", "State") + text("AttributeName", "Name")
    more = GIVEN + text("AttributeName", "Digest") + text("AttributeName", "Name") + text("AttributeName", "State")

    assert told(answer(operation, some), answer(operation, more), question(operation)) == []
    assert told(answer(operation, more), answer(operation, some), question(operation)) == [
        f"Batch Item 1 {answer_title(operation)} / Response Payload / Attribute Name: expected 'Digest', got nothing"
    ]


def answer_title(operation: str) -> str:
    return {"DiscoverVersions": "Discover Versions", "GetAttributeList": "Get Attribute List"}.get(operation, operation)


def test_attributes_may_come_in_any_order_but_not_more_of_them() -> None:
    state = attribute("State", "Enumeration", "Active")
    length = attribute("Cryptographic Length", "Integer", "128")
    asked = question("GetAttributes", GIVEN)

    assert told(answer("GetAttributes", state + length), answer("GetAttributes", length + state), asked) == []
    assert told(answer("GetAttributes", state), answer("GetAttributes", length + state), asked) != []


def test_a_changed_attribute_is_reported_by_its_name() -> None:
    expected = answer("GetAttributes", attribute("Cryptographic Length", "Integer", "128"))
    actual = answer("GetAttributes", attribute("Cryptographic Length", "Integer", "256"))

    assert told(expected, actual, question("GetAttributes")) == [
        "Batch Item 1 Get Attributes / Response Payload / Attribute 'Cryptographic Length' / Attribute Value:"
        " expected 128, got 256"
    ]


def test_instances_of_one_attribute_find_each_other() -> None:
    links = [
        f"<Link><LinkType type='Enumeration' value='{kind}'/>{text('LinkedObjectIdentifier', value)}</Link>"
        for kind, value in [("PublicKeyLink", "$UNIQUE_IDENTIFIER_1"), ("PrivateKeyLink", "$UNIQUE_IDENTIFIER_0")]
    ]
    expected = answer("GetAttributes", f"<Attributes>{links[0]}{links[1]}</Attributes>")
    turned = [link.replace("$UNIQUE_IDENTIFIER_", "id-") for link in reversed(links)]
    actual = answer("GetAttributes", f"<Attributes>{turned[0]}{turned[1]}</Attributes>")
    so_far = known()

    assert told(expected, actual, question("GetAttributes"), so_far) == []
    assert so_far.captured == {"$UNIQUE_IDENTIFIER_0": "id-0", "$UNIQUE_IDENTIFIER_1": "id-1"}


def test_an_identifier_is_captured_once_and_must_stay() -> None:
    so_far = known()
    asked = question("Activate", GIVEN)

    assert told(answer("Activate", ID), answer("Activate", GIVEN), asked, so_far) == []
    assert told(answer("Activate", ID), answer("Activate", text("UniqueIdentifier", "42")), asked, so_far) == [
        "Batch Item 1 Activate / Response Payload / Unique Identifier: expected '$UNIQUE_IDENTIFIER_0' = '41', got '42'"
    ]


def test_each_answer_that_is_pending_has_a_correlation_value_of_its_own() -> None:
    def pending(value: str) -> Item:
        return answer("Locate", "", more=data("AsynchronousCorrelationValue", value), status="OperationPending")

    so_far, asked = known(), question("Locate")
    for value in ("0a", "0b"):
        assert told(pending("$ASYNCHRONOUS_CORRELATION_VALUE"), pending(value), asked, so_far) == []

    assert list(so_far.captured.values()) == [b"\x0b"]


def key(material: str) -> str:
    return f"""<SymmetricKey><KeyBlock><KeyFormatType type="Enumeration" value="Raw"/>
               <KeyValue>{data("KeyMaterial", material)}</KeyValue></KeyBlock></SymmetricKey>"""


def test_a_key_of_the_client_must_come_back_as_given() -> None:
    expected, actual = answer("Get", GIVEN + key("0102")), answer("Get", GIVEN + key("0304"))

    assert len(told(expected, actual, question("Get", GIVEN))) == 1


def test_a_key_of_the_server_is_random_but_has_its_length_and_stays() -> None:
    so_far = known()
    told(answer("Create", ID), answer("Create", GIVEN), question("Create"), so_far)
    asked = question("Get", GIVEN)

    assert told(answer("Get", ID + key("0102")), answer("Get", GIVEN + key("0304")), asked, so_far) == []
    assert len(told(answer("Get", ID + key("0102")), answer("Get", GIVEN + key("0305")), asked, so_far)) == 1
    assert len(told(answer("Get", ID + key("0a0b")), answer("Get", GIVEN + key("030405")), asked, so_far)) == 1


def test_ciphertext_is_free_only_under_an_iv_of_the_server() -> None:
    iv = data("IVCounterNonce", "ff02")
    expected = answer("Encrypt", GIVEN + data("Data", "0102") + iv)
    actual = answer("Encrypt", GIVEN + data("Data", "0304") + iv.replace("ff02", "aa03"))

    assert told(expected, actual, question("Encrypt", GIVEN)) == []
    assert len(told(expected, actual, question("Encrypt", GIVEN + iv))) == 2


@pytest.mark.parametrize(
    ("expected", "actual", "sent", "agree"),
    [
        ("$NOW", STARTED_AT, (), True),
        ("$NOW", STARTED_AT - 60, (), False),
        ("$NOW-3600", STARTED_AT - 3600, (STARTED_AT - 3600,), True),
        ("$NOW-3600", STARTED_AT - 3599, (STARTED_AT - 3600,), False),
        ("2012-04-27T08:12:24+00:00", STARTED_AT, (), True),
        ("2012-04-27T08:12:24+00:00", STARTED_AT, (1_335_514_344,), False),
        ("2012-04-27T08:12:24+00:00", 1_335_514_344, (1_335_514_344,), True),
    ],
    ids=["about now", "not now", "as sent", "not as sent", "the server's own", "not the client's", "the client's"],
)
def test_dates(expected: str, actual: int, sent: tuple[int, ...], agree: bool) -> None:
    wanted = answer("GetAttributes", attribute("Activation Date", "DateTime", expected))
    got = answer("GetAttributes", attribute("Activation Date", "DateTime", str(actual)))

    assert (told(wanted, got, question("GetAttributes"), known(sent_dates=set(sent))) == []) == agree


def test_a_vendor_identification_is_the_server_s_own_in_query_alone() -> None:
    ours, theirs = text("VendorIdentification", "kmipd"), text("VendorIdentification", "Acme")

    assert told(answer("Query", theirs), answer("Query", ours), question("Query")) == []
    assert told(answer("GetAttributes", theirs), answer("GetAttributes", ours), question("GetAttributes")) != []


def test_data_encrypted_by_a_random_key_must_be_decrypted_to_the_same_data() -> None:
    so_far = known(generated={"made-up-1"})
    made = text("UniqueIdentifier", "made-up-1")
    asked = question("Encrypt", made)
    assert (
        told(
            answer("Encrypt", ID + data("Data", "aa01")), answer("Encrypt", made + data("Data", "bb02")), asked, so_far
        )
        == []
    )
    right, wrong = answer("Decrypt", made + data("Data", "0102")), answer("Decrypt", made + data("Data", "0103"))
    expected = answer("Decrypt", ID + data("Data", "0102"))

    assert told(expected, right, question("Decrypt", made + data("Data", "bb02")), so_far) == []
    assert told(expected, wrong, question("Decrypt", made + data("Data", "bb02")), so_far) == [
        "Batch Item 1 Decrypt / Response Payload / Data: expected 0102, got 0103"
    ]
    assert told(expected, wrong, question("Decrypt", made + data("Data", "0f0f")), so_far) == []


def test_a_correlation_value_is_bound_anew_where_a_stream_begins_and_only_there() -> None:
    so_far = known()

    def at(value: str) -> Item:
        return answer("Encrypt", GIVEN + data("CorrelationValue", value))

    expected = at("$CORRELATION_VALUE")
    goes_on = question("Encrypt", GIVEN + data("CorrelationValue", "0a"))
    assert told(expected, at("0a"), question("Encrypt", GIVEN), so_far) == []
    assert told(expected, at("0a"), goes_on, so_far) == []
    assert len(told(expected, at("0b"), goes_on, so_far)) == 1
    assert told(expected, at("0b"), question("Encrypt", GIVEN), so_far) == []
    assert so_far.captured[b"$CORRELATION_VALUE"] == b"\x0b"


OPAQUE_TYPE = '<OpaqueDataType type="Enumeration" value="0x80000001"/>'
OPAQUE = f"<OpaqueObject>{OPAQUE_TYPE}{data('OpaqueDataValue', '00')}</OpaqueObject>"


def called(expected: Item, actual: Item, so_far: Known | None = None) -> list[str]:
    return [str(found) for found in compare_call(expected, actual, so_far or known())]


def test_a_server_may_send_further_attributes_with_what_it_puts_and_nothing_else() -> None:
    printed = question("Put", ID + OPAQUE + attribute("x-a", "TextString", "1"))
    sent = question("Put", GIVEN + OPAQUE + attribute("x-b", "TextString", "2") + attribute("x-a", "TextString", "1"))
    without = question("Put", GIVEN + OPAQUE)

    assert called(printed, sent) == []
    assert len(called(printed, without)) == 1
    assert len(called(without, question("Put", GIVEN + text("ReplacedUniqueIdentifier", "0") + OPAQUE))) == 1


def test_a_notification_names_what_has_changed_and_nothing_else() -> None:
    printed = question("Notify", ID + attribute("x-a", "TextString", "1"))
    sent = question("Notify", GIVEN + attribute("x-a", "TextString", "1") + attribute("x-b", "TextString", "2"))

    assert len(called(printed, sent)) == 1
    assert called(printed, sent)[0].startswith("Batch Item 1 Notify / Request Payload / Attribute 'x-b'")


def test_key_material_of_a_put_may_differ_if_the_server_has_generated_it() -> None:
    printed, sent = (
        question("Put", ID + data("KeyMaterial", "0102")),
        question("Put", GIVEN + data("KeyMaterial", "0304")),
    )

    assert len(called(printed, sent)) == 1
    assert called(printed, sent, known(generated={"41"})) == []


def test_a_request_of_a_server_has_as_many_batch_items_as_the_case() -> None:
    two = question("Notify", GIVEN)
    two = two._replace(value=(*two.value, two.value[-1]))  # type: ignore[misc,index,arg-type]  # a structure

    assert called(question("Notify", GIVEN), two) == ["Batch Items: expected 1, got 2"]
