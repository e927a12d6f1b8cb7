//! The faults a generated shop can carry, and what is expected to become of each.
//!
//! One table, [`Fault::facts`]: the name in the manifest, the kind of record, the audit rule that
//! should find it, the outcome expected where the target is a Medusa, how many of 10,000 records
//! carry it, and whether it is harmless. To alter an expected outcome, alter its row.

use serde::{Deserialize, Serialize};

/// What sort of record a fault sits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A product with its variants and images.
    Product,
    /// A collection, which exists only as a name in the products' `Collection` column.
    Collection,
    /// A customer account.
    Customer,
    /// An order with its lines.
    Order,
}

/// What should become of a record in a run (law 1 of the overview).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Arrives; the audit says something about it at most.
    Migrated,
    /// Arrives with a field altered.
    Changed,
    /// Becomes part of another record.
    Merged,
    /// Left out by a rule: the caller's scope must exclude customers tagged `test-account`.
    Excluded,
    /// Cannot be read, or the target refuses it.
    Quarantined,
}

impl Outcome {
    /// Whether the record is in the target afterwards, as itself.
    pub fn arrives(self) -> bool {
        matches!(self, Outcome::Migrated | Outcome::Changed)
    }
}

/// What there is to know about a fault; see [`Fault::facts`].
#[derive(Debug, Clone, Copy)]
struct Facts {
    name: &'static str,
    kind: Kind,
    rule: &'static str,
    outcome: Outcome,
    per_10_000: usize,
    harmless: bool,
}

macro_rules! faults {
    ($($(#[$doc:meta])* $fault:ident, $name:literal, $kind:ident, $rule:literal, $outcome:ident,
       $per:literal, $harmless:literal;)*) => {
        /// One way in which a generated record is wrong. A record carries one at most.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault { $($(#[$doc])* $fault,)* }

        impl Fault {
            /// Every fault, in the order they are planted.
            pub const ALL: &'static [Fault] = &[$(Fault::$fault,)*];

            const fn facts(self) -> Facts {
                match self {
                    $(Fault::$fault => Facts {
                        name: $name,
                        kind: Kind::$kind,
                        rule: $rule,
                        outcome: Outcome::$outcome,
                        per_10_000: $per,
                        harmless: $harmless,
                    },)*
                }
            }
        }
    };
}

// variant, name in the manifest, kind, audit rule, expected outcome, of 10,000, harmless
faults! {
    /// The title is empty; Medusa wants one.
    MissingTitle, "missing_title", Product, "product_title_missing", Quarantined, 20, false;
    /// The first variant's price is `12,5O`, with a comma and the letter O.
    MalformedPrice, "malformed_price", Product, "variant_price_unreadable", Quarantined, 30, false;
    /// The first variant's price is below zero; Medusa takes it.
    NegativePrice, "negative_price", Product, "variant_price_negative", Migrated, 15, false;
    /// A variant carries the SKU of an earlier product; Medusa wants SKUs unique.
    DuplicateSku, "duplicate_sku", Product, "variant_sku_duplicate", Quarantined, 50, false;
    /// Two variants have the same option values; Medusa takes both.
    DuplicateVariant, "duplicate_variant_options", Product, "variant_options_duplicate",
        Migrated, 15, false;
    /// The handle has capitals, umlauts and spaces; Medusa wants it safe in a URL.
    UnsafeHandle, "unsafe_handle", Product, "product_handle_unsafe", Changed, 20, false;
    /// A tracked variant has fewer than no units in stock.
    NegativeStock, "negative_stock", Product, "variant_stock_negative", Changed, 60, false;
    /// The first variant has no price at all.
    MissingPrice, "missing_price", Product, "variant_price_missing", Migrated, 15, false;
    /// Every variant costs 0.00 though it is no gift.
    ZeroPrice, "zero_price", Product, "variant_price_zero", Migrated, 30, false;
    /// The title has 300 characters.
    OverlongTitle, "overlong_title", Product, "product_title_too_long", Migrated, 20, false;
    /// Title and description were encoded twice (`GrÃ¼n`).
    MojibakeText, "mojibake_text", Product, "text_mojibake", Migrated, 50, false;
    /// The description has tags that are never closed.
    BrokenHtml, "broken_html", Product, "product_html_broken", Migrated, 40, false;
    /// The first variant's barcode has a wrong check digit.
    InvalidBarcode, "invalid_barcode", Product, "variant_barcode_invalid", Migrated, 60, false;
    /// No image has an alt text.
    MissingImageAlt, "missing_image_alt", Product, "image_alt_missing", Migrated, 300, true;
    /// No SEO title and no SEO description.
    MissingSeo, "missing_seo", Product, "product_seo_missing", Migrated, 300, true;

    /// The e-mail of an earlier customer, in other case and with blanks around it.
    DuplicateEmail, "duplicate_customer_email", Customer, "customer_email_duplicate", Merged,
        150, false;
    /// An e-mail that is none (`anna(at)example.com`).
    InvalidEmail, "invalid_email", Customer, "customer_email_invalid", Quarantined, 60, false;
    /// No e-mail; Medusa takes a customer without one.
    MissingEmail, "missing_email", Customer, "customer_email_missing", Migrated, 60, false;
    /// Tagged `test-account`: the shop's own staff trying things out.
    TestAccount, "test_account", Customer, "customer_test_account", Excluded, 40, false;
    /// Capitals and blanks in and around an e-mail that nobody else has.
    UntidyEmail, "untidy_email", Customer, "customer_email_untidy", Changed, 200, false;
    /// A phone number of words and too few digits.
    MalformedPhone, "malformed_phone", Customer, "customer_phone_malformed", Migrated, 100, false;
    /// The address is in the country `ZZ` (Older: `Ruritania`).
    UnknownCountry, "unknown_country", Customer, "address_country_unknown", Migrated, 40, false;
    /// The last name was encoded twice (`MÃ¼ller`).
    MojibakeName, "mojibake_name", Customer, "text_mojibake", Migrated, 60, false;
    /// No first and no last name.
    MissingName, "missing_name", Customer, "customer_name_missing", Migrated, 40, false;
    /// The company has 300 characters.
    OverlongCompany, "overlong_company", Customer, "address_field_too_long", Migrated, 20, false;

    /// The row has amounts but no line.
    WithoutLines, "order_without_lines", Order, "order_lines_missing", Quarantined, 20, false;
    /// The currency is none (`EURO`).
    InvalidCurrency, "order_currency_invalid", Order, "order_currency_invalid", Quarantined,
        20, false;
    /// The number of another order further up in the file; each has an `Id` of its own (not in
    /// Older, where the number is all there is).
    DuplicateNumber, "duplicate_order_number", Order, "order_number_duplicate", Migrated,
        20, false;
    /// `Created at` is no date (`2026-13-45 …`).
    MalformedDate, "order_date_malformed", Order, "order_date_unreadable", Quarantined, 15, false;
    /// The first line's quantity is a word.
    MalformedQuantity, "line_quantity_malformed", Order, "line_quantity_unreadable", Quarantined,
        15, false;
    /// The total is one unit of money more than its parts.
    TotalMismatch, "order_total_mismatch", Order, "order_total_mismatch", Migrated, 60, false;
    /// Ordered five years later than its neighbours, in 2030 or 2031.
    FutureDate, "future_date", Order, "order_date_future", Migrated, 20, false;
    /// The first line is a product that no longer exists.
    UnknownProduct, "line_unknown_product", Order, "line_product_unknown", Migrated, 300, true;
}

impl Fault {
    /// Its stable name, the key in the manifest.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The kind of record it sits in.
    pub fn kind(self) -> Kind {
        self.facts().kind
    }

    /// The audit rule that should find it.
    pub fn rule(self) -> &'static str {
        self.facts().rule
    }

    /// What should become of the record where the target is a Medusa.
    pub fn expected_outcome(self) -> Outcome {
        self.facts().outcome
    }

    /// Whether it is planted even in a shop without faults: it costs nothing and changes nothing.
    pub fn harmless(self) -> bool {
        self.facts().harmless
    }

    /// How many of `records` carry it: its share, and at least one in a shop of some size.
    pub(super) fn count_in(self, records: usize) -> usize {
        let share = records * self.facts().per_10_000 / 10_000;
        if records >= 100 { share.max(1) } else { share }
    }
}
