"""The generated page says what the adapters say."""

from kmip_adapters.crypto.software import limits
from tools.generate_cryptography_page import PAGE, page


def test_the_page_is_current():
    assert PAGE.read_text("utf-8") == page(), "run python -m tools.generate_cryptography_page"


def test_every_limit_is_in_the_table():
    constants = {value for name, value in vars(limits).items() if name.startswith("MAXIMUM_")}
    assert constants <= {each.value for each in limits.LIMITS}
