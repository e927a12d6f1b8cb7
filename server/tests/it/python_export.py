"""What stands in the exports, read with Python's own means: the other side of every comparison."""

import csv
from collections import defaultdict
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

FILES = "products_export.csv", "customers_export.csv", "orders_export.csv"
EXCLUDED_TAG = "test-account"
# What a report says of money, and the columns it comes from.
SUMS = {
    "revenue": ["Total"],
    "tax": ["Taxes"],
    "discounts": ["Discount Amount", "Lineitem discount"],
    "refunds": ["Refunded Amount"],
    "shipping": ["Shipping"],
}


def _tags(row):
    return [tag.strip() for tag in row["Tags"].split(",") if tag.strip()]


class Export:
    """The records of a folder by kind, and their money and stock."""

    def __init__(self, folder):
        self.files = {name: (Path(folder) / name).read_bytes() for name in FILES}
        products, customers, orders = (self._rows(name) for name in FILES)
        self.products = self._grouped(products, lambda row: row["Handle"])
        # The apostrophe keeps spreadsheets from reading a number.
        self.customers = {row["Customer ID"].lstrip("'"): row for row in customers}
        self.orders = self._orders(orders)
        assert len(self.customers) == len(customers)
        self.test_accounts = {
            key for key, row in self.customers.items() if EXCLUDED_TAG in _tags(row)
        }

    def _rows(self, name):
        text = self.files[name].decode("utf-8-sig")
        return list(csv.DictReader(text.splitlines(keepends=True)))

    @staticmethod
    def _grouped(rows, key):
        groups = defaultdict(list)
        for row in rows:
            groups[key(row)].append(row)
        return groups

    @staticmethod
    def _orders(rows):
        """The first row of an order has its id; rows of further lines follow."""
        orders = {}
        for row in rows:
            if row["Id"]:
                lines = orders.setdefault(row["Id"].lstrip("'"), [])
            lines.append(row)
        return orders

    def _first(self, column):
        """The first value of a column in each product that has one."""
        for rows in self.products.values():
            values = (row[column].strip() for row in rows)
            if value := next(filter(None, values), None):
                yield value

    def ids(self):
        """The source ids of all records by kind."""
        categories = set()
        for path in self._first("Product Category"):
            titles = [title.strip() for title in path.split(">")]
            categories |= {" > ".join(titles[: end + 1]) for end in range(len(titles))}
        return {
            "CATEGORY": categories,
            "COLLECTION": set(self._first("Collection")),
            "PRODUCT": set(self.products),
            "CUSTOMER_GROUP": {tag for row in self.customers.values() for tag in _tags(row)},
            "CUSTOMER": set(self.customers),
            "ORDER": set(self.orders),
        }

    def money(self, orders):
        """What these orders come to: their number, and sums by month in UTC and currency."""
        months = defaultdict(lambda: [0] + [Decimal()] * len(SUMS))
        for rows in map(self.orders.get, orders):
            head = rows[0]
            created = datetime.strptime(head["Created at"], "%Y-%m-%d %H:%M:%S %z")
            month = created.astimezone(timezone.utc).strftime("%Y-%m")
            sums = months[month, head["Currency"]]
            sums[0] += 1
            for place, columns in enumerate(SUMS.values(), start=1):
                cells = (row[column] for row in rows for column in columns)
                sums[place] += sum(Decimal(cell) for cell in cells if cell)
        return {place: tuple(sums) for place, sums in months.items()}

    def stock(self, products):
        """Units of these products; stock below zero is none in the target."""
        rows = (row for handle in products for row in self.products[handle])
        counts = (row["Variant Inventory Qty"] for row in rows if row["Variant Inventory Tracker"])
        return sum(max(Decimal(count), Decimal()) for count in counts if count)
