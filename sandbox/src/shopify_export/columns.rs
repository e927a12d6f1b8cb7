//! The headings of Shopify's exports, today's and the older ones.
//!
//! Looked up on 2026-11-23: Shopify's help pages on product, customer and order CSV files, and
//! headings of real exports in public repositories. Order matters only to look real.

use super::Layout;

const PRODUCT_START: &str = "Handle|Title|Body (HTML)|Vendor";
const OLDER_PRODUCT: &str = "Type|Tags|Published|Option1 Name|Option1 Value|Option2 Name|\
    Option2 Value|Option3 Name|Option3 Value";
const CURRENT_PRODUCT: &str = "Product Category|Type|Tags|Published|Option1 Name|Option1 Value|\
    Option1 Linked To|Option2 Name|Option2 Value|Option2 Linked To|Option3 Name|Option3 Value|\
    Option3 Linked To";
const VARIANT: &str = "Variant SKU|Variant Grams|Variant Inventory Tracker|Variant Inventory Qty|\
    Variant Inventory Policy|Variant Fulfillment Service|Variant Price|Variant Compare At Price|\
    Variant Requires Shipping|Variant Taxable";
const UNIT_PRICE: &str = "Unit Price Total Measure|Unit Price Total Measure Unit|\
    Unit Price Base Measure|Unit Price Base Measure Unit";
const IMAGE_AND_SEO: &str = "Variant Barcode|Image Src|Image Position|Image Alt Text|Gift Card|\
    SEO Title|SEO Description|Google Shopping / Google Product Category|Google Shopping / Gender|\
    Google Shopping / Age Group|Google Shopping / MPN";
const OLDER_GOOGLE: &str = "Google Shopping / AdWords Grouping|Google Shopping / AdWords Labels";
const GOOGLE: &str = "Google Shopping / Condition|Google Shopping / Custom Product|\
    Google Shopping / Custom Label 0|Google Shopping / Custom Label 1|\
    Google Shopping / Custom Label 2|Google Shopping / Custom Label 3|\
    Google Shopping / Custom Label 4";
const METAFIELDS: &str = "Fabric (product.metafields.custom.fabric)|\
    Care instructions (product.metafields.custom.care_instructions)";
const PRODUCT_END: &str = "Variant Image|Variant Weight Unit|Variant Tax Code";
const CURRENT_END: &str = "Cost per item|Included / Germany|Price / Germany|\
    Compare At Price / Germany|Included / International|Price / International|\
    Compare At Price / International|Status|Collection";

/// The heading of a product file.
pub(super) fn product(layout: Layout) -> Vec<String> {
    match layout {
        Layout::Current => split(&[
            PRODUCT_START,
            CURRENT_PRODUCT,
            VARIANT,
            UNIT_PRICE,
            IMAGE_AND_SEO,
            GOOGLE,
            METAFIELDS,
            PRODUCT_END,
            CURRENT_END,
        ]),
        Layout::Older => split(&[
            PRODUCT_START,
            OLDER_PRODUCT,
            VARIANT,
            IMAGE_AND_SEO,
            OLDER_GOOGLE,
            GOOGLE,
            PRODUCT_END,
        ]),
    }
}

/// A metafield of customers.
pub(super) const BIRTH_DATE: &str = "Birth date (customer.metafields.facts.birth_date)";

/// The heading of a customer file; with the metafield where there is what is rare.
pub(super) fn customer(layout: Layout, rare: bool) -> Vec<String> {
    let mut columns = match layout {
        Layout::Current => {
            split(&["Customer ID|First Name|Last Name|Email|Accepts Email Marketing|\
            Default Address Company|Default Address Address1|Default Address Address2|\
            Default Address City|Default Address Province Code|Default Address Country Code|\
            Default Address Zip|Default Address Phone|Phone|Accepts SMS Marketing|Total Spent|\
            Total Orders|Note|Tax Exempt|Tags"])
        }
        Layout::Older => split(&[
            "First Name|Last Name|Email|Company|Address1|Address2|City|Province|Province Code|\
            Country|Country Code|Zip|Phone|Accepts Marketing|Total Spent|Total Orders|Tags|Note|\
            Tax Exempt",
        ]),
    };
    if rare && layout == Layout::Current {
        columns.push(BIRTH_DATE.to_owned());
    }
    columns
}

const ORDER_START: &str = "Name|Email|Financial Status|Paid at|Fulfillment Status|Fulfilled at|\
    Accepts Marketing|Currency|Subtotal|Shipping|Taxes|Total|Discount Code|Discount Amount|\
    Shipping Method|Created at|Lineitem quantity|Lineitem name|Lineitem price|\
    Lineitem compare at price|Lineitem sku|Lineitem requires shipping|Lineitem taxable|\
    Lineitem fulfillment status|Billing Name|Billing Street|Billing Address1|Billing Address2|\
    Billing Company|Billing City|Billing Zip|Billing Province|Billing Country|Billing Phone|\
    Shipping Name|Shipping Street|Shipping Address1|Shipping Address2|Shipping Company|\
    Shipping City|Shipping Zip|Shipping Province|Shipping Country|Shipping Phone|Notes|\
    Note Attributes|Cancelled at|Payment Method|Payment Reference|Refunded Amount|Vendor";
const ORDER_DESK: &str = "Outstanding Balance|Employee|Location|Device ID";
const ORDER_TAXES: &str = "Id|Tags|Risk Level|Source|Lineitem discount|Tax 1 Name|Tax 1 Value|\
    Tax 2 Name|Tax 2 Value|Tax 3 Name|Tax 3 Value|Tax 4 Name|Tax 4 Value|Tax 5 Name|Tax 5 Value|\
    Phone|Receipt Number|Duties";
const ORDER_END: &str = "Billing Province Name|Shipping Province Name|Payment ID|\
    Payment Terms Name|Next Payment Due At|Payment References";

/// The heading of an order file.
pub(super) fn order(layout: Layout) -> Vec<String> {
    match layout {
        Layout::Current => split(&[ORDER_START, ORDER_DESK, ORDER_TAXES, ORDER_END]),
        Layout::Older => split(&[ORDER_START, ORDER_TAXES]),
    }
}

fn split(parts: &[&str]) -> Vec<String> {
    parts.iter().flat_map(|part| part.split('|')).map(|name| name.trim().to_owned()).collect()
}
