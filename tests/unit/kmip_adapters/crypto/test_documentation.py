"""The generated page says what the adapters say."""

from tools.generate_cryptography_page import PAGE, page


def test_the_page_is_current():
    assert PAGE.read_text("utf-8") == page(), "run python -m tools.generate_cryptography_page"
