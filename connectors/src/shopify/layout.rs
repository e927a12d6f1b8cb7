//! The columns of Shopify's exports: which there are, what they were called when, and which file
//! is which.
//!
//! Looked up on 2026-11-23 in Shopify's help pages (`/en/manual/products/import-export/using-csv`
//! and its sisters for customers and orders) and in the headings of real exports. A column goes by
//! one key, the lower-cased heading of today's export; other layouts are aliases of it.

/// What a file is an export of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum FileKind {
    /// Products.
    Products,
    /// Customers.
    Customers,
    /// Orders.
    Orders,
}

impl FileKind {
    pub(super) const ALL: [Self; 3] = [Self::Products, Self::Customers, Self::Orders];

    /// Its name in checks and sentences.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::Customers => "customers",
            Self::Orders => "orders",
        }
    }

    /// The columns without which a file of this kind is not read, as today's exports write them.
    /// Prices stand among them: a misspelt heading would otherwise cost every product its price.
    pub(super) const fn required(self) -> &'static [&'static str] {
        match self {
            Self::Products => &["Handle", "Title", "Variant Price"],
            Self::Customers => &["Email"],
            Self::Orders => &[
                "Name",
                "Email",
                "Currency",
                "Subtotal",
                "Shipping",
                "Taxes",
                "Total",
                "Created at",
                "Lineitem quantity",
                "Lineitem name",
                "Lineitem price",
            ],
        }
    }

    fn keys(self) -> impl Iterator<Item = &'static str> {
        match self {
            Self::Products => PRODUCT_KEYS,
            Self::Customers => CUSTOMER_KEYS,
            Self::Orders => ORDER_KEYS,
        }
        .split('|')
        .map(str::trim)
    }

    const fn aliases(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Products => PRODUCT_ALIASES,
            Self::Customers => CUSTOMER_ALIASES,
            Self::Orders => &[],
        }
    }

    /// The key of a heading: that of today's export where it is an alias, else itself in lower
    /// case with single blanks.
    pub(super) fn key(self, heading: &str) -> String {
        let plain = plain(heading);
        let alias = self.aliases().iter().find(|(alias, _)| *alias == plain);
        alias.map_or(plain, |(_, key)| (*key).to_owned())
    }

    /// Whether a key belongs to a known column, or to a family of columns that is known.
    pub(super) fn knows(self, key: &str) -> bool {
        self.keys().any(|known| known == key)
            || metafield(key).is_some()
            || (self == Self::Products && is_market(key))
    }
}

/// Names that stand for a market's columns: `Price / International`.
pub(super) fn is_market(key: &str) -> bool {
    ["included / ", "price / ", "compare at price / ", "compare-at price / "]
        .iter()
        .any(|start| key.starts_with(start))
}

/// The namespace and key in `Fabric (product.metafields.custom.fabric)`.
pub(super) fn metafield(heading: &str) -> Option<(&str, &str)> {
    let (_, inside) = heading.trim().strip_suffix(')')?.rsplit_once('(')?;
    let (_, path) = inside.split_once(".metafields.")?;
    path.split_once('.')
}

/// Lower case, single blanks, no byte order mark.
fn plain(heading: &str) -> String {
    let text = heading.trim_start_matches('\u{feff}').to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How many known columns a header must have to be taken for an export.
const KNOWN_COLUMNS_MIN: usize = 4;

/// Which export a header belongs to: the kind of which it has most columns.
pub(super) fn recognise(header: &[String]) -> Option<FileKind> {
    let score = |kind: FileKind| {
        header.iter().filter(|heading| kind.keys().any(|key| key == kind.key(heading))).count()
    };
    let best = FileKind::ALL.into_iter().max_by_key(|kind| score(*kind))?;
    (score(best) >= KNOWN_COLUMNS_MIN).then_some(best)
}

/// What a header is called among the layouts of its kind.
pub(super) fn layout_name(kind: FileKind, header: &[String]) -> &'static str {
    let has = |text: &str| header.iter().any(|heading| plain(heading) == text);
    match kind {
        FileKind::Products if has("url handle") => "newest",
        FileKind::Products if has("product category") || has("status") => "current",
        FileKind::Customers if has("customer id") => "current",
        FileKind::Orders if has("payment id") || has("outstanding balance") => "current",
        _ => "older",
    }
}

/// The first required column a header lacks, and the unknown heading that is most like it.
pub(super) fn missing(kind: FileKind, header: &[String]) -> Option<(&'static str, Option<String>)> {
    let keys: Vec<String> = header.iter().map(|heading| kind.key(heading)).collect();
    let column = kind.required().iter().find(|column| !keys.contains(&column.to_lowercase()))?;
    let wanted = column.to_lowercase();
    let unknown = header.iter().zip(&keys).filter(|(_, key)| !kind.knows(key));
    let nearest = unknown
        .map(|(heading, key)| (distance(&wanted, key), heading))
        .filter(|(steps, _)| *steps <= wanted.chars().count() / 2)
        .min_by_key(|(steps, _)| *steps);
    Some((column, nearest.map(|(_, heading)| heading.clone())))
}

/// How many letters must change to make one text of the other (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (place, letter) in left.chars().enumerate() {
        let mut previous = place + 1;
        let mut next = vec![previous];
        for ((other, above), diagonal) in right.iter().zip(row.iter().skip(1)).zip(&row) {
            let replaced = diagonal + usize::from(*other != letter);
            previous = replaced.min(above + 1).min(previous + 1);
            next.push(previous);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

const PRODUCT_KEYS: &str = "handle|title|body (html)|vendor|product category|type|tags|published|\
    option1 name|option1 value|option1 linked to|option2 name|option2 value|option2 linked to|\
    option3 name|option3 value|option3 linked to|variant sku|variant grams|\
    variant inventory tracker|variant inventory qty|variant inventory policy|\
    variant fulfillment service|variant price|variant compare at price|variant requires shipping|\
    variant taxable|unit price total measure|unit price total measure unit|\
    unit price base measure|unit price base measure unit|variant barcode|image src|image position|\
    image alt text|gift card|seo title|seo description|\
    google shopping / google product category|google shopping / gender|\
    google shopping / age group|google shopping / mpn|google shopping / adwords grouping|\
    google shopping / adwords labels|google shopping / condition|google shopping / custom product|\
    google shopping / custom label 0|google shopping / custom label 1|\
    google shopping / custom label 2|google shopping / custom label 3|\
    google shopping / custom label 4|variant image|variant weight unit|variant tax code|\
    cost per item|status|collection";

const PRODUCT_ALIASES: &[(&str, &str)] = &[
    ("url handle", "handle"),
    ("description", "body (html)"),
    ("published on online store", "published"),
    ("sku", "variant sku"),
    ("barcode", "variant barcode"),
    ("variant barcodes", "variant barcode"),
    ("price", "variant price"),
    ("compare-at price", "variant compare at price"),
    ("charge tax", "variant taxable"),
    ("tax code", "variant tax code"),
    ("inventory tracker", "variant inventory tracker"),
    ("inventory quantity", "variant inventory qty"),
    ("continue selling when out of stock", "variant inventory policy"),
    ("weight value (grams)", "variant grams"),
    ("weight unit for display", "variant weight unit"),
    ("requires shipping", "variant requires shipping"),
    ("fulfillment service", "variant fulfillment service"),
    ("product image url", "image src"),
    ("variant image url", "variant image"),
    ("google shopping / manufacturer part number (mpn)", "google shopping / mpn"),
    ("google shopping / ad group name", "google shopping / adwords grouping"),
    ("google shopping / ads labels", "google shopping / adwords labels"),
];

const CUSTOMER_KEYS: &str = "customer id|first name|last name|email|accepts email marketing|\
    company|address1|address2|city|province|province code|country|country code|zip|address phone|\
    phone|accepts sms marketing|accepts whatsapp marketing|total spent|total orders|note|\
    tax exempt|tags";

const CUSTOMER_ALIASES: &[(&str, &str)] = &[
    ("accepts marketing", "accepts email marketing"),
    ("default address company", "company"),
    ("default address address1", "address1"),
    ("default address address2", "address2"),
    ("default address city", "city"),
    ("default address province", "province"),
    ("default address province code", "province code"),
    ("default address country", "country"),
    ("default address country code", "country code"),
    ("default address zip", "zip"),
    ("default address phone", "address phone"),
];

const ORDER_KEYS: &str = "name|email|financial status|paid at|fulfillment status|fulfilled at|\
    accepts marketing|currency|subtotal|shipping|taxes|total|discount code|discount amount|\
    shipping method|created at|lineitem quantity|lineitem name|lineitem price|\
    lineitem compare at price|lineitem sku|lineitem requires shipping|lineitem taxable|\
    lineitem fulfillment status|billing name|billing street|billing address1|billing address2|\
    billing company|billing city|billing zip|billing province|billing country|billing phone|\
    shipping name|shipping street|shipping address1|shipping address2|shipping company|\
    shipping city|shipping zip|shipping province|shipping country|shipping phone|notes|\
    note attributes|cancelled at|payment method|payment reference|refunded amount|vendor|\
    outstanding balance|employee|location|device id|id|tags|risk level|source|lineitem discount|\
    tax 1 name|tax 1 value|tax 2 name|tax 2 value|tax 3 name|tax 3 value|tax 4 name|tax 4 value|\
    tax 5 name|tax 5 value|phone|receipt number|duties|billing province name|\
    shipping province name|payment id|payment terms name|next payment due at|payment references";

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Vec<String> {
        text.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn a_header_is_recognised_in_any_layout_and_case() {
        let older = header("HANDLE|title|Body (HTML)|Vendor|Variant Price");
        let newest = header("Title|URL handle|Description|Vendor|Price|SKU");
        let customers = header("First Name|Last Name|Email|Company|Accepts Marketing");
        let orders = header("Name|Email|Currency|Lineitem name|Total");
        for (header, kind) in [
            (older, Some(FileKind::Products)),
            (newest, Some(FileKind::Products)),
            (customers, Some(FileKind::Customers)),
            (orders, Some(FileKind::Orders)),
            (header("a|b|c|d|e"), None),
        ] {
            assert_eq!(recognise(&header), kind, "{header:?}");
        }
    }

    #[test]
    fn a_misspelt_required_column_is_missing_and_the_nearest_heading_is_named() {
        let misspelt = header("Handel|Title|Body (HTML)|Vendor|Variant Price|Prise");
        assert_eq!(missing(FileKind::Products, &misspelt), Some(("Handle", Some("Handel".into()))));
        let without = header("Handle|Title|Body (HTML)|Vendor");
        assert_eq!(missing(FileKind::Products, &without), Some(("Variant Price", None)));
        let whole = header("Title|URL handle|Description|Vendor|Price");
        assert_eq!(missing(FileKind::Products, &whole), None);
    }

    #[test]
    fn a_metafield_heading_gives_its_namespace_and_key() {
        assert_eq!(
            metafield("Fabric (washed) (product.metafields.custom.fabric)"),
            Some(("custom", "fabric"))
        );
        assert_eq!(metafield("Body (HTML)"), None);
    }
}
