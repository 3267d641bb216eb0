"""Fills a mongod with a believable `shop`, the colleagues who always had access to it, and the worker's own user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any

from pymongo import MongoClient, WriteConcern
from pymongo.collection import Collection
from pymongo.database import Database

WORKER_USER = "access-requests"
WORKER_ROLE = "accessRequestsWorker"

# The least that suffices; the worker itself warns of more and of less. It manages users, who live in `admin`, and
# roles, which live beside what they are about: a role may be handed out only by who may `grantRole` on its database.
WORKER_PRIVILEGES: tuple[dict[str, Any], ...] = (
    {
        "resource": {"db": "admin", "collection": ""},
        "actions": [
            *("createUser", "dropUser", "viewUser", "changePassword", "changeCustomData"),
            "setAuthenticationRestriction",
        ],
    },
    {
        "resource": {"db": "", "collection": ""},
        "actions": ["createRole", "dropRole", "viewRole", "grantRole", "revokeRole", "listCollections", "collStats"],
    },
    {"resource": {"db": "admin", "collection": "system.users"}, "actions": ["find"]},
    {"resource": {"db": "admin", "collection": "system.roles"}, "actions": ["find"]},
    {
        "resource": {"cluster": True},
        "actions": [
            "killAnySession",
            "killop",
            "inprog",
            "listDatabases",
            "replSetGetConfig",
            "appendOplogNote",
            "getLog",
        ],
    },
)

_FIRST_NAMES = (
    "Ada", "Amara", "Bela", "Chen", "Dana", "Emil", "Farah", "Goran", "Hana", "Ivo", "Jana", "Kofi", "Lena", "Mei",
    "Nils", "Olga", "Pia", "Quinn", "Rosa", "Sami", "Tomas", "Uma", "Vera", "Wen", "Yara", "Zoe",
)  # fmt: skip
_LAST_NAMES = (
    "Abebe", "Bauer", "Costa", "Dubois", "Eriksen", "Farkas", "Garcia", "Haas", "Ito", "Jensen", "Kowalski", "Larsen",
    "Moreau", "Nowak", "Okafor", "Peters", "Rossi", "Silva", "Tanaka", "Ueda", "Virtanen", "Weber", "Yilmaz", "Zhou",
)  # fmt: skip
_TOWNS = (
    ("Amsterdam", "NL"), ("Berlin", "DE"), ("Bologna", "IT"), ("Gdansk", "PL"), ("Lyon", "FR"), ("Porto", "PT"),
    ("Sevilla", "ES"), ("Turku", "FI"), ("Uppsala", "SE"), ("Wien", "AT"),
)  # fmt: skip
_STREETS = ("Mill Lane", "Station Road", "Harbour Street", "Linden Row", "Market Square", "Church Hill", "Canal Walk")
_THINGS = ("kettle", "lamp", "notebook", "backpack", "teapot", "blanket", "clock", "chair", "umbrella", "candle")
_KINDS = ("oak", "copper", "linen", "travel", "garden", "winter", "folding", "blue", "large", "hand-made")
_STATES = ("delivered",) * 6 + ("shipped", "packed", "placed", "cancelled")
_METHODS = ("card",) * 6 + ("invoice", "transfer")
_BRANDS = ("visa", "mastercard")
_BEGINNING = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
_BATCH = 2_000

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    """How many documents each collection of a shop gets."""

    products: int
    customers: int
    orders: int


SIZES: Mapping[str, Size] = {
    "shop-dev": Size(products=40, customers=60, orders=150),
    "shop-staging": Size(products=80, customers=120, orders=300),
    "shop-prod": Size(products=600, customers=4_000, orders=16_000),
}


def seed_target(*, root_uri: str, slug: str, worker_password: str, app_password: str) -> None:
    """Everything that a target holds before the product first looks at it."""
    with MongoClient[Document](root_uri, serverSelectionTimeoutMS=3000) as client:
        _make_principals(client, worker_password=worker_password, app_password=app_password)
        # The same made-up shop every time.
        chance = Random(f"shop of {slug}")  # nosec B311
        seed_shop(client.get_database("shop"), size=SIZES[slug], chance=chance)
        index_shop(client.get_database("shop"))


def make_worker_user(client: MongoClient[Document], *, password: str) -> None:
    """The worker's own administrator: it manages users and ends sessions, and cannot read a single order."""
    client.admin.command(
        "createRole",
        WORKER_ROLE,
        privileges=list(WORKER_PRIVILEGES),
        roles=[],
    )
    _make_user(client, WORKER_USER, password=password, roles=[{"role": WORKER_ROLE, "db": "admin"}])


def _make_principals(client: MongoClient[Document], *, worker_password: str, app_password: str) -> None:
    make_worker_user(client, password=worker_password)
    client.shop.command(
        "createRole",
        "supportDesk",
        privileges=[
            {"resource": {"db": "shop", "collection": "orders"}, "actions": ["find", "update"]},
            {"resource": {"db": "shop", "collection": "customers"}, "actions": ["find"]},
        ],
        roles=[],
    )
    # Standing users of the shop itself. All that the product may do is to add roles to the second for a while.
    _make_user(client, "shop-app", password=app_password, roles=[{"role": "readWrite", "db": "shop"}])
    _make_user(client, "shop-reports", password=app_password, roles=[{"role": "read", "db": "shop"}])


def _make_user(client: MongoClient[Document], name: str, *, password: str, roles: list[Document]) -> None:
    client.admin.command("createUser", name, pwd=password, roles=roles, mechanisms=["SCRAM-SHA-256"])


def seed_shop(database: Database[Document], *, size: Size, chance: Random) -> None:
    """Products, customers, orders and payments that fit together; the same chance gives the same shop."""
    products = list(_products(size.products, chance))
    customers = list(_customers(size.customers, chance))
    orders = list(_orders(size.orders, products, customers, chance))
    for name, documents in (
        ("products", products),
        ("customers", customers),
        ("orders", orders),
        ("payments", _payments(orders, chance)),
    ):
        _insert(database.get_collection(name, write_concern=WriteConcern(w=1, j=False)), documents)


def index_shop(database: Database[Document]) -> None:
    """What a shop of some size needs; making an index takes a server longer than filling a small shop."""
    database.orders.create_index("customer_id")
    database.customers.create_index("email")


def _insert(collection: Collection[Document], documents: Iterable[Document]) -> None:
    stream = iter(documents)
    while batch := list(islice(stream, _BATCH)):
        collection.insert_many(batch, ordered=False)


def _products(count: int, chance: Random) -> Iterator[Document]:
    for number in range(1, count + 1):
        yield {
            "_id": number,
            "sku": f"P-{number:05}",
            "name": f"{chance.choice(_KINDS)} {chance.choice(_THINGS)}".capitalize(),
            "price_cents": chance.randrange(495, 24_900, 5),
            "stock": chance.randrange(400),
        }


def _customers(count: int, chance: Random) -> Iterator[Document]:
    for number in range(1, count + 1):
        first, last = chance.choice(_FIRST_NAMES), chance.choice(_LAST_NAMES)
        town, country = chance.choice(_TOWNS)
        yield {
            "_id": number,
            "name": f"{first} {last}",
            "email": f"{first}.{last}.{number}@example.net".lower(),
            "phone": f"+00 555 {chance.randrange(1_000_000):06}",
            "born": _BEGINNING - timedelta(days=chance.randrange(7_000, 28_000)),
            "address": {
                "street": f"{chance.choice(_STREETS)} {chance.randrange(1, 200)}",
                "town": town,
                "country": country,
            },
        }


def _orders(count: int, products: list[Document], customers: list[Document], chance: Random) -> Iterator[Document]:
    for number in range(1, count + 1):
        lines = [
            {"sku": product["sku"], "quantity": 1 + (number + index) % 3, "price_cents": product["price_cents"]}
            for index, product in enumerate(chance.choices(products, k=1 + number % 3))
        ]
        yield {
            "_id": number,
            "number": f"SO-{number:07}",
            "customer_id": chance.choice(customers)["_id"],
            "placed_at": _BEGINNING + timedelta(minutes=number * 17 + chance.randrange(17)),
            "status": chance.choice(_STATES),
            "lines": lines,
            "total_cents": sum(line["quantity"] * line["price_cents"] for line in lines),
        }


def _payments(orders: list[Document], chance: Random) -> Iterator[Document]:
    for order in orders:
        if order["status"] == "cancelled":
            continue
        method = chance.choice(_METHODS)
        payment = {
            "_id": order["_id"],
            "order_id": order["_id"],
            "paid_at": order["placed_at"] + timedelta(minutes=3),
            "amount_cents": order["total_cents"],
            "currency": "EUR",
            "method": method,
        }
        if method == "card":
            payment["card"] = {"brand": chance.choice(_BRANDS), "last_four": f"{chance.randrange(10_000):04}"}
        yield payment
