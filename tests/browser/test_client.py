# SPDX-License-Identifier: BSD-2-Clause
"""The page of a report about a client begins with the client; `make_report client` has one of two."""

from test_page import assert_same_stacks


def test_the_client_is_seen_first(open_page, folded):
    page = open_page("client")
    page.set("group", "thread")
    assert_same_stacks(page, folded("client", "--client"))
    assert page.text(".side .muted") == "1 of 4"
    page.button("All").click()
    page.settle()
    assert_same_stacks(page, folded("client"))
    page.button("Client").click()
    page.settle()
    assert_same_stacks(page, folded("client", "--client"))


def test_others_are_seen_where_they_matter(open_page, folded):
    """Who starves wants to see who had the CPUs; and what the command line asks for counts first."""
    page = open_page("starved")
    page.set("group", "thread")
    assert_same_stacks(page, folded("starved"))
    page = open_page("starved", "--client")
    page.set("group", "thread")
    assert_same_stacks(page, folded("starved", "--client"))
    page = open_page("client", "--pid", "100")
    page.set("group", "thread")
    assert_same_stacks(page, folded("client", "--pid", "100"))


def test_without_a_client_there_is_no_button(open_page):
    page = open_page("shop")
    assert page.text(".side .muted").isdigit()
    assert "Client" not in [button.text for button in page.driver.find_elements("css selector", ".side button")]
