"""Set Endpoint Role."""

import pytest

from kmip_adapters.ttlv.standard.tables import VERSIONS
from kmip_core.enums import EndpointRole, Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.operations import set_endpoint_role
from kmip_core.principal import Principal, Source
from kmip_core.settings import Settings
from kmip_core.structures import ProtocolVersion
from tests.builders import BOB, an_engine, ask, perform
from tests.unit.kmip_adapters.ttlv.builders import CONVERTERS, over_the_wire

NEW = [version for version in VERSIONS if version >= ProtocolVersion(2, 0)]


def test_the_role_of_a_server_is_echoed() -> None:
    request = set_endpoint_role.Request(endpoint_role=EndpointRole.SERVER)

    answer = perform(an_engine(), Operation.SET_ENDPOINT_ROLE, request)

    assert answer == set_endpoint_role.Response(endpoint_role=EndpointRole.SERVER)


def test_the_server_takes_the_role_of_a_client() -> None:
    request = set_endpoint_role.Request(endpoint_role=EndpointRole.CLIENT)

    assert perform(an_engine(), Operation.SET_ENDPOINT_ROLE, request).endpoint_role is EndpointRole.CLIENT


def test_the_role_of_a_client_is_refused_where_nothing_is_sent_to_clients() -> None:
    request = set_endpoint_role.Request(endpoint_role=EndpointRole.CLIENT)

    with pytest.raises(KmipError) as refused:
        perform(an_engine(settings=Settings(server_to_client=False)), Operation.SET_ENDPOINT_ROLE, request)
    assert refused.value.reason is ResultReason.FEATURE_NOT_SUPPORTED


def test_roles_are_not_swapped_under_a_ticket_which_ends() -> None:
    ticket = Principal(name="alice", source=Source.TICKET)

    for role, is_refused in ((EndpointRole.CLIENT, True), (EndpointRole.SERVER, False)):
        (item,) = ask(
            an_engine(), (Operation.SET_ENDPOINT_ROLE, set_endpoint_role.Request(endpoint_role=role)), principal=ticket
        ).batch_items
        assert (item.result_reason is ResultReason.FEATURE_NOT_SUPPORTED) is is_refused


def test_an_answer_says_to_the_transport_in_whose_name_it_is() -> None:
    request = set_endpoint_role.Request(endpoint_role=EndpointRole.CLIENT)

    assert ask(an_engine(), (Operation.SET_ENDPOINT_ROLE, request), principal=BOB).principal == BOB


@pytest.mark.parametrize("version", NEW, ids=str)
def test_it_is_written_from_2_0_on(version: ProtocolVersion) -> None:
    for role in EndpointRole:
        request = set_endpoint_role.Request(endpoint_role=role)
        assert over_the_wire(request, version) == request


@pytest.mark.parametrize("version", NEW, ids=str)
def test_the_role_must_be_given(version: ProtocolVersion) -> None:
    with pytest.raises(KmipError) as refused:
        CONVERTERS[version].get_structure_hook(set_endpoint_role.Request)((), set_endpoint_role.Request)
    assert refused.value.reason is ResultReason.INVALID_MESSAGE
