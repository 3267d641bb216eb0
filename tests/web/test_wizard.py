"""Guards the questions that lead to an ask, over what people really have: each end is an ask that can be judged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessrequests.domain.window import parse_duration
from accessrequests.domain.wizard import TOLD, Proposal, next_step
from accessrequests.domain.wizard_answers import Offered
from accessrequests.models import AccessRequest, Inventory, Person, PolicyVersion
from accessrequests.models.access_requests import AccessKind
from accessrequests.operations import targets
from accessrequests.queries import asks, people, wizard
from accessrequests.queries.asks import Asked
from sandbox import catalogue
from tests import make
from tests.make import Cast
from tests.web.browser import Browser, Forms, signed_in, text_of

LENGTHS = ("PT30M", "PT8H")
START = "/request/wizard/"
READ = f"{START}?plane=data&who=me&do=read&reach=collection"


@pytest.fixture
def world(cast: Cast) -> Cast:
    """The sandbox's targets, with projects of Atlas among them, and one that nobody has read."""
    hosts = dict.fromkeys(catalogue.TARGETS, "127.0.0.1:27017")
    document = catalogue.targets_document(hosts, projects=["ecommerce-prod", "ecommerce-dev"])
    entries = {
        slug: {
            "connect_to": {"hosts": [], "options": {}},
            **entry,
            "declared": {name: entry.get(name, {}) for name in ("database_users", "members")},
        }
        for slug, entry in document["targets"].items()
    }
    targets.apply_catalogue(entries=entries, actor=make.OPERATOR)
    make.read_inventories()
    for slug in ("ecommerce-prod", "ecommerce-dev"):
        targets.record_inventory(
            slug=slug,
            roles=make.ROLES,
            databases=make.DATABASES,
            clusters=make.ATLAS_CLUSTERS,
            quotas=make.ATLAS_QUOTAS,
        )
    make.unread_target("shop-new")
    return cast


def offered_to(person: Person) -> list[Offered]:
    version = PolicyVersion.objects.order_by("-version").first()
    return wizard.offered_to(person, version=version, groups=people.groups_of(person), with_admin_roles=True)


# Where all answers are judged alike, the last is taken for all of them; of places two, of single actions a few.
ALIKE = {"length", "cluster", "login"}


def ends(offered: list[Offered], answers: dict[str, str]) -> Iterator[Proposal]:
    """Every end that may be judged in another way than the rest."""
    found = next_step(answers, offered, LENGTHS)
    if isinstance(found, Proposal):
        yield found
        return
    choices = [one for one in found.choices if not one.refusal]
    taken = choices[-1:] if found.key in ALIKE else choices[::8] if found.key == "action" else choices
    taken = [taken[0], taken[-1]] if found.key == "place" and len(taken) > 1 else taken
    for choice in taken:
        yield from ends(offered, {**answers, found.key: choice.value})


def judged(person: Person, proposal: Proposal) -> asks.Considered:
    """As filing it would be, but for the reason."""
    has_user = proposal.kind == AccessKind.DATABASE_USER
    asked = Asked(
        target=proposal.target,
        kind=proposal.kind,
        roles=(proposal.role,),
        duration=parse_duration(proposal.duration),
        reason="",
        authentication=proposal.authentication or "scram",
        clusters=proposal.clusters,
        source_addresses=("192.0.2.7",) if has_user else (),
        database_user=proposal.database_user,
    )
    return asks.consider(requester=person, asked=asked, at=make.now(), is_draft=True)


class TestEveryEnd:
    def test_is_an_ask_that_is_allowed(self, world: Cast) -> None:
        found = list(ends(offered_to(world.alice), {}))

        assert {one.told for one in found} == set(TOLD)
        assert {one.target for one in found} == {*catalogue.TARGETS, "ecommerce-prod", "ecommerce-dev"}
        for one in found:
            verdict = judged(world.alice, one).verdict
            assert verdict.allowed, (one, verdict.refusals)

    def test_names_the_rule_where_something_else_refuses_it(self, world: Cast) -> None:
        """A server that is full, and a rule that wants more than a level: seen before anything is typed."""
        Inventory.objects.filter(target__slug="ecommerce-prod").update(
            quotas={"database_users": {"limit": 100, "used": 95}}
        )
        make.publish_rules(make.rule("narrow", widest_ipv4=31), make.rule("certificates", authentication=["x509"]))
        found = list(ends([one for one in offered_to(world.alice) if one.target == "ecommerce-prod"], {}))

        users = [judged(world.alice, one).verdict for one in found if one.kind == AccessKind.DATABASE_USER]
        assert users
        for verdict in users:
            assert {refusal.rule for refusal in verdict.refusals} == {"certificates", "no room left"}
        assert all(judged(world.alice, one).verdict.allowed for one in found if one.kind != AccessKind.DATABASE_USER)

    def test_is_judged_as_the_kind_that_it_is(self, world: Cast) -> None:
        kinds = {"environments": ["production"], "kinds": ["database_user"]}
        make.publish_rules(make.rule("users-only", match=kinds))

        assert {one.kind for one in ends(offered_to(world.alice), {})} == {"database_user"}

    @pytest.mark.parametrize("name", ["mallory", "carol", "dave"])
    def test_is_out_of_reach_for_who_may_not_ask(self, world: Cast, name: str) -> None:
        assert list(ends(offered_to(getattr(world, name)), {})) == []
        page = text_of(signed_in(getattr(world, name)).get(f"{START}?plane=data&who=me"))
        assert f"and {name} is not one of them" in page
        assert 'href="/request/">Write the request yourself</a>' in page
        assert "Or ask an administrator: Erin Engel." in page


class TestThePage:
    def test_leads_on_by_links_alone_and_ends_on_the_form(self, world: Cast) -> None:
        browser = signed_in(world.alice)
        address = START
        for title in (
            "Read or change data",
            "I do, myself",
            "Look at documents",
            "One collection",
            "ecommerce-prod",
            "shop.orders",
            "reports",
            "30 minutes",
        ):
            address = link_to(browser, address, title)

        page = followed(browser, address)

        fields = Forms(page).fields_of("/request/")
        assert {name: fields[name] for name in ("target", "want", "collection", "duration", "source_addresses")} == {
            "target": "ecommerce-prod",
            "want": "one:read",
            "collection": "shop.orders",
            "duration": "PT30M",
            "source_addresses": "127.0.0.1",
        }
        assert fields["clusters"] == ["reports"]
        assert TOLD["read-collection"] in page
        assert "This would wait for an answer" in page, "the verdict stands there before anything is typed"
        assert not AccessRequest.objects.exists()

    def test_fills_in_what_makes_no_user(self, world: Cast) -> None:
        browser = signed_in(world.alice)
        service = f"{START}?plane=data&who=service&do=change&reach=database&target=shop-prod&length=PT30M"
        page = followed(browser, service)
        fields = Forms(page).fields_of("/request/")
        assert (fields["kind"], fields["database_user"], fields["want"]) == (
            "role_grant",
            catalogue.REPORTS,
            "readWrite@shop",
        )
        assert TOLD["change-database"] in page

        project = f"{START}?plane=project&target=ecommerce-prod&role=GROUP_BACKUP_MANAGER&length=PT30M"
        page = followed(browser, project)
        fields = Forms(page).fields_of("/request/")
        assert (fields["kind"], fields["project_role"]) == ("project_role", ["GROUP_BACKUP_MANAGER"])
        assert "A project role is given for you" in page

    def test_fills_in_a_role_that_administers_one_collection(self, world: Cast) -> None:
        address = f"{START}?plane=data&who=me&do=administer&target=shop-prod&role=dbAdmin@shop&place=shop.orders"
        page = followed(signed_in(world.alice), f"{address}&length=PT30M")

        fields = Forms(page).fields_of("/request/")
        assert (fields["roles"], fields["source_addresses"]) == ("dbAdmin@shop.orders", "127.0.0.1")
        assert "dbAdmin@shop.orders" in page
        assert "1 person of security" in page

    def test_says_a_refusal_of_what_is_filled_in(self, world: Cast) -> None:
        Inventory.objects.filter(target__slug="ecommerce-prod").update(
            quotas={"database_users": {"limit": 100, "used": 95}}
        )
        address = f"{READ}&target=ecommerce-prod&place=shop.orders&cluster=orders&length=PT30M"

        page = followed(signed_in(world.alice), address)

        assert "As it stands, this is refused" in page
        assert "ecommerce-prod is full" in page

    def test_shows_what_was_answered_and_lets_one_answer_again(self, world: Cast) -> None:
        browser = signed_in(world.alice)

        page = text_of(browser.get(f"{READ}&target=shop-prod&place=shop.orders&length=PT9H"))

        assert "For how long?" in page
        assert "The policy" not in page
        assert unescape(re.findall(r'href="([^"]+)">Change<span class="sr">: Where\?', page)[0]) == READ
        assert 'href="/request/?target=shop-prod">Write the request yourself' in page

    def test_disables_what_is_refused_and_says_why(self, world: Cast) -> None:
        page = text_of(signed_in(world.alice).get(f"{START}?plane=data&who=me&do=administer"))

        assert "target=shop-staging" not in page
        assert "No rule of the policy sandbox allows admin on shop-staging." in page
        assert "target=shop-prod" in page

    def test_finds_one_of_many(self, world: Cast) -> None:
        many: dict[str, object] = {f"c{number:03}": {} for number in range(60)}
        Inventory.objects.filter(target__slug="shop-prod").update(databases={"shop": many})
        browser = signed_in(world.alice)

        page = text_of(browser.get(f"{READ}&target=shop-prod"))
        assert page.count('<a class="opt"') == 25
        assert "And 35 more" in page
        assert Forms(page).fields_of(START)["target"] == "shop-prod"

        page = text_of(browser.get(f"{READ}&target=shop-prod&q=C059"))
        assert page.count('<a class="opt"') == 1
        assert "Nothing here is called zzz" in text_of(browser.get(f"{READ}&target=shop-prod&q=zzz"))

    def test_is_led_to_from_where_one_may_be_lost(self, world: Cast) -> None:
        browser = signed_in(world.alice)
        for path in ("/request/", "/access/", "/search/", "/search/?q=zzz"):
            assert f'href="{START}"' in text_of(browser.get(path)), path

    def test_costs_the_same_for_many_targets(self, world: Cast) -> None:
        browser = signed_in(world.alice)
        costs = []
        for slug in ("shop-a", "shop-b"):
            make.unread_target(slug)
            with CaptureQueriesContext(connection) as captured:
                browser.get(READ)
            costs.append(len(captured))
        assert costs[0] == costs[1] <= 12

    def test_without_a_policy_or_a_target_says_so(self, db: None) -> None:
        folk = make.make_people()
        assert "Nothing like that is on offer." in text_of(signed_in(folk.alice).get(f"{START}?plane=data&who=me"))
        make.make_targets()
        page = text_of(signed_in(folk.alice).get(f"{START}?plane=data&who=me"))
        assert "No policy has been published yet" in page
        Person.objects.filter(username="erin").update(is_active=False)
        assert "Or ask whoever operates this installation." in text_of(signed_in(folk.alice).get(START))


def followed(browser: Browser, address: str) -> str:
    """The page that the last question leads to."""
    answer = browser.get(address)
    assert answer.status_code == 302, address
    return text_of(browser.get(answer["Location"]))


def link_to(browser: Browser, address: str, title: str) -> str:
    """Where the answer with this title leads."""
    page = text_of(browser.get(address))
    found = re.findall(r'<a class="opt" href="([^"]+)">\s*<span class="grow"><b>([^<]+)</b>', page)
    leads = {unescape(words): unescape(where) for where, words in found}
    assert title in leads, (title, leads)
    return leads[title]
